import type { Db } from '../../db/db.ts';
import type { PlaceName } from '../../places/attachment-place.ts';
import { placeOf } from '../../places/attachment-places.ts';
import { countErased, type ErasureRef } from './erasures.ts';
import { eraseTable } from './erase-rows.ts';

/** Contents that are removed at once. */
const AT_ONCE = 8;

interface Content {
  readonly key: string;
  readonly place: PlaceName;
}

/**
 * Deletes the attachments of a user, whose sessions are deleted already, with their contents in the database, the folder and the
 * bucket. The row of a content is deleted after the content, so that a removal that fails is repeated. Throws
 * `store_unavailable` where a place fails or is not configured here.
 */
export async function eraseAttachments(db: Db, erasure: ErasureRef, signal: AbortSignal): Promise<void> {
  await eraseTable(db, erasure, 'attachment_references', signal);
  await eraseTable(db, erasure, 'attachment_chunks', signal);
  await eraseTable(db, erasure, 'attachments', signal);
  const contents = await db.query<Content>(
    `SELECT content_key AS key, place FROM perdure.attachment_contents WHERE user_id = $1 ORDER BY content_key`,
    [erasure.user],
  );
  await removeEach(db, contents, signal, async ({ key }) => {
    await db.transaction(async (tx) => {
      const gone = await tx.query(`DELETE FROM perdure.attachment_contents WHERE content_key = $1 RETURNING 1`, [key]);
      await countErased(tx, erasure.id, { 'files.attachments': gone.length });
    });
  });
  // Of attachments that were deleted before, and of uploads in progress.
  const released = await db.query<Content>(
    `SELECT content_key AS key, place FROM perdure.attachment_removals WHERE user_id = $1 ORDER BY content_key`,
    [erasure.user],
  );
  await removeEach(db, released, signal, ({ key }) => forgetRemoval(db, 'attachment_removals', key));
}

async function removeEach(
  db: Db,
  contents: readonly Content[],
  signal: AbortSignal,
  removed: (content: Content) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < contents.length; at += AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(
      contents.slice(at, at + AT_ONCE).map(async (content) => {
        await placeOf(db.places, content.place).remove(content.key);
        await removed(content);
      }),
    );
  }
}

const KEYS = { attachment_removals: 'content_key', archive_removals: 'archive_id' } as const;

/**
 * For erasures: deletes the plan of a removal that has been done. Of one that is not due yet, the user is deleted only: somebody may still
 * be writing the file, so upkeep removes it once more.
 */
export async function forgetRemoval(db: Db, table: keyof typeof KEYS, key: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.query(`UPDATE perdure.${table} SET user_id = NULL, removing = true WHERE ${KEYS[table]} = $1`, [key]);
    await tx.query(`DELETE FROM perdure.${table} WHERE ${KEYS[table]} = $1 AND due_at <= clock_timestamp()`, [key]);
  });
}
