import type { Attachment } from '../../contracts/attachments/attachment.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { Tx } from '../db/db.ts';

const COLUMNS = `attachment_id AS id, name, content_type AS "contentType", size::float8 AS size, sha256`;

/** Reads those of a user's complete attachments that have the ids. */
export async function readAttachments(tx: Tx, user: string, ids: readonly string[]): Promise<Map<string, Attachment>> {
  const rows = await tx.query<Attachment>(
    `SELECT ${COLUMNS} FROM perdure.attachments
      WHERE user_id = $1 AND complete AND attachment_id IN (SELECT json_array_elements_text($2::json))`,
    [user, JSON.stringify(ids)],
  );
  return new Map(rows.map((attachment) => [attachment.id, attachment]));
}

/** Reads an attachment. Throws `not_found`. */
export async function readAttachment(tx: Tx, user: string, id: string): Promise<Attachment> {
  const found = (await readAttachments(tx, user, [id])).get(id);
  if (found === undefined) throw noSuchAttachment(id);
  return found;
}

/**
 * Returns which of the ids are not those of attachments of the user. The others cannot be removed until the transaction ends.
 */
export async function findAbsentAttachments(
  tx: Tx,
  user: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await tx.query<{ id: string }>(
    `SELECT attachment_id AS id FROM perdure.attachments
      WHERE user_id = $1 AND complete AND attachment_id IN (SELECT json_array_elements_text($2::json))
      ORDER BY attachment_id FOR KEY SHARE`,
    [user, JSON.stringify(ids)],
  );
  const found = new Set(rows.map(({ id }) => id));
  return new Set(ids.filter((id) => !found.has(id)));
}

/** The `not_found` error for an attachment. */
export function noSuchAttachment(id: string): PerdureError {
  return new PerdureError(
    'not_found',
    `There is no attachment ${JSON.stringify(id.slice(0, 80))}. Upload the file with POST /v1/attachments, and use the id in the response.`,
  );
}
