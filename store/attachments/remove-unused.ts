import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import { releaseContents } from './placed-content.ts';

/**
 * Removes a session's references, in the transaction that deletes the session, and the attachments that no other session
 * refers to. One that a concurrent transaction is about to refer to stays; where that fails, upkeep removes it later.
 */
export async function removeAttachments(tx: Tx, { user, session }: SessionKey): Promise<void> {
  const rows = await tx.query<{ id: string }>(
    `DELETE FROM perdure.attachment_references WHERE user_id = $1 AND session_id = $2 RETURNING attachment_id AS id`,
    [user, session],
  );
  if (rows.length === 0) return;
  await removeUnreferenced(
    tx,
    rows.map(({ id }) => ({ user, id })),
  );
}

/**
 * For workers: removes attachments that no session has referred to for a day, and what remains of uploads whose gateway died.
 * Safe to repeat and to run concurrently. Returns how many were removed, at most `limit`.
 */
export async function removeUnusedAttachments(
  db: Db,
  { limit = 100 }: { readonly limit?: number } = {},
): Promise<number> {
  const rows = await db.query<Candidate>(
    `SELECT user_id AS user, attachment_id AS id FROM perdure.attachments a
        WHERE created_at < clock_timestamp() - make_interval(secs => $2::float8 / 1000)
          AND (NOT complete OR created_at < clock_timestamp() - make_interval(secs => $1::float8 / 1000))
          AND NOT EXISTS (SELECT FROM perdure.attachment_references r
                           WHERE r.user_id = a.user_id AND r.attachment_id = a.attachment_id)
        ORDER BY created_at LIMIT $3`,
    [LIMITS.unusedAttachmentMs.value, 2 * LIMITS.uploadMs.value, limit],
  );
  return rows.length === 0 ? 0 : await db.transaction(async (tx) => await removeUnreferenced(tx, rows));
}

interface Candidate {
  readonly user: string;
  readonly id: string;
}

/** With the rows locked, nobody can begin to refer to them: a foreign key refuses the deletion of any that is referred to. */
async function removeUnreferenced(tx: Tx, candidates: readonly Candidate[]): Promise<number> {
  const locked = await tx.query<Candidate>(
    `SELECT a.user_id AS user, a.attachment_id AS id FROM perdure.attachments a
       JOIN json_to_recordset($1::json) AS c("user" text, id text) ON a.user_id = c."user" AND a.attachment_id = c.id
      ORDER BY 1, 2 FOR UPDATE OF a SKIP LOCKED`,
    [JSON.stringify(candidates)],
  );
  const removed = await tx.query<{ contentKey: string | null }>(
    `DELETE FROM perdure.attachments a USING json_to_recordset($1::json) AS c("user" text, id text)
      WHERE a.user_id = c."user" AND a.attachment_id = c.id
        AND NOT EXISTS (SELECT FROM perdure.attachment_references r
                         WHERE r.user_id = a.user_id AND r.attachment_id = a.attachment_id)
     RETURNING content_key AS "contentKey"`,
    [JSON.stringify(locked)],
  );
  await releaseContents(
    tx,
    removed.flatMap(({ contentKey }) => contentKey ?? []),
  );
  return removed.length;
}
