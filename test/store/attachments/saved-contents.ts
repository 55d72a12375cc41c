import { storageLimits } from '../../../contracts/attachments/storage-limits.ts';
import { removeDueContents } from '../../../store/admin/attachments/remove-contents.ts';
import { readContent } from '../../../store/attachments/attachment-content.ts';
import { readAttachment } from '../../../store/attachments/read-attachments.ts';
import { removeUnusedAttachments } from '../../../store/attachments/remove-unused.ts';
import { saveAttachment } from '../../../store/attachments/save-attachment.ts';
import type { Db } from '../../../store/db/db.ts';

export const limits = storageLimits();
export const typeOf = async () => 'text/plain';

/** Saves an attachment. */
export async function save(db: Db, user: string, content: Uint8Array) {
  return await saveAttachment(db, { user, name: 'a.txt', typeOf, limits }, [content]);
}

export async function contentOf(db: Db, user: string, id: string, start = 0, end = 2 ** 31): Promise<Buffer> {
  const { size } = await readAttachment(db, user, id);
  const pieces: Buffer[] = [];
  for await (const piece of readContent(db, { user, id }, { start, end: Math.min(end, size) })) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A message with an attachment. */
export const messageWith = (id: string, attachmentId: string) => ({
  id,
  content: '',
  parts: [{ type: 'file', attachmentId, name: 'a.txt', contentType: 'text/plain', size: 3 } as const],
});

/** Removes all that is due and unused, as upkeep does in time. */
export async function cleanUp(db: Db, user: string): Promise<void> {
  await db.query(`UPDATE perdure.attachments SET created_at = '2000-01-01Z' WHERE user_id = $1`, [user]);
  await removeUnusedAttachments(db, { limit: 1_000 });
  await db.query(`UPDATE perdure.attachment_removals SET due_at = '2000-01-01Z'`);
  while ((await removeDueContents(db)) > 0);
}
