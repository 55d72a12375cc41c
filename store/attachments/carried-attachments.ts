import { storageLimits, type StorageLimits } from '../../contracts/attachments/storage-limits.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { ExportedAttachment } from '../../contracts/session/session-export.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import { contentTypeOf } from '../../core/attachments/content-type.ts';
import type { Db, Tx } from '../db/db.ts';
import { readContent } from './attachment-content.ts';
import { saveAttachment } from './save-attachment.ts';

/** Reads the attachments that a session refers to, each as the JSON text of an {@link ExportedAttachment}. Throws `too_large` when they have more than `maxBytes` together. */
export async function readExportedAttachments(db: Db, key: SessionKey, maxBytes: number): Promise<readonly string[]> {
  const found = await db.query<Attachment>(
    `SELECT a.attachment_id AS id, name, content_type AS "contentType", size::float8 AS size, sha256
       FROM perdure.attachment_references r JOIN perdure.attachments a USING (user_id, attachment_id)
      WHERE r.user_id = $1 AND r.session_id = $2 ORDER BY a.attachment_id`,
    [key.user, key.session],
  );
  const bytes = found.reduce((sum, { size }) => sum + Math.ceil(size / 3) * 4, 0);
  if (bytes > maxBytes) {
    throw new PerdureError(
      'too_large',
      `The attachments of the session ${JSON.stringify(key.session)} have ${bytes} bytes in base64, and its document may have ${maxBytes} more. Export it without them, and download each.`,
    );
  }
  const texts: string[] = [];
  for (const attachment of found) {
    const chunks: Buffer[] = [];
    for await (const chunk of readContent(
      db,
      { user: key.user, id: attachment.id },
      { start: 0, end: attachment.size },
    )) {
      chunks.push(chunk);
    }
    texts.push(JSON.stringify({ ...attachment, data: Buffer.concat(chunks).toString('base64') }));
  }
  return texts;
}

/**
 * Saves the attachments of an imported document, under their ids: the messages refer to them. Throws `invalid_request` where a
 * content does not match its hash, or the user has another attachment with the id.
 */
export async function saveImportedAttachments(
  db: Db,
  user: string,
  attachments: readonly ExportedAttachment[],
  limits: StorageLimits = storageLimits(),
): Promise<void> {
  for (const { id, name, contentType, sha256, data } of attachments) {
    const content = Buffer.from(data, 'base64');
    const typeOf = async (head: Buffer) => await contentTypeOf(head, { name, contentType });
    const saved = await saveAttachment(db, { user, name, typeOf, limits, id }, [content]);
    if (saved.sha256 === sha256) continue;
    throw new PerdureError(
      'invalid_request',
      `The document cannot be imported: the content of the attachment ${JSON.stringify(id)} is not that of its hash, or you have another attachment with this id. Import the document as it was exported.`,
    );
  }
}

/** Makes a session that was imported refer to those of the user's attachments that its events name. */
export async function referToAttachments(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.attachment_references (user_id, session_id, attachment_id)
     SELECT $1, $2, a.attachment_id FROM perdure.attachments a
      WHERE a.user_id = $1 AND a.complete AND a.attachment_id IN (
            SELECT part ->> 'attachmentId'
              FROM perdure.events e CROSS JOIN LATERAL json_array_elements(e.data -> 'parts') part
             WHERE e.user_id = $1 AND e.session_id = $2 AND e.type = 'message.received' AND e.data -> 'parts' IS NOT NULL
             UNION ALL
            SELECT id FROM perdure.events e CROSS JOIN LATERAL json_array_elements_text(e.data -> 'attachments') id
             WHERE e.user_id = $1 AND e.session_id = $2 AND e.type = 'tool.completed'
               AND e.data -> 'attachments' IS NOT NULL)
        FOR KEY SHARE
         ON CONFLICT DO NOTHING`,
    [user, session],
  );
}
