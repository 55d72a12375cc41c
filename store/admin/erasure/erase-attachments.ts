import type { Db } from '../../db/db.ts';
import type { PlaceName } from '../../places/attachment-place.ts';
import { placeOf } from '../../places/attachment-places.ts';
import type { ErasedCounts } from './erasures.ts';
import { eraseTable } from './erase-rows.ts';

/** Contents that are removed at once. */
const AT_ONCE = 8;

/**
 * Deletes the attachments of a user, whose sessions are deleted already, with their contents in the database, the folder and the
 * bucket. The row of a content is deleted after the content, so that a removal that fails is repeated. Throws
 * `store_unavailable` where a place fails or is not configured here.
 */
export async function eraseAttachments(db: Db, user: string, signal: AbortSignal): Promise<ErasedCounts> {
  const references = await eraseTable(db, user, 'attachment_references', signal);
  const chunks = await eraseTable(db, user, 'attachment_chunks', signal);
  const attachments = await eraseTable(db, user, 'attachments', signal);
  const contents = await db.query<{ key: string; place: PlaceName }>(
    `SELECT content_key AS key, place FROM perdure.attachment_contents WHERE user_id = $1 ORDER BY content_key`,
    [user],
  );
  for (let at = 0; at < contents.length; at += AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(
      contents.slice(at, at + AT_ONCE).map(async ({ key, place }) => {
        await placeOf(db.places, place).remove(key);
        await db.query(`DELETE FROM perdure.attachment_contents WHERE content_key = $1`, [key]);
      }),
    );
  }
  return countsOf({
    'rows.attachment_references': references,
    'rows.attachment_chunks': chunks,
    'rows.attachments': attachments,
    'files.attachments': contents.length,
  });
}

function countsOf(counts: ErasedCounts): ErasedCounts {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
