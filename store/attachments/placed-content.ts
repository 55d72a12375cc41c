import { v4 as uuidv4 } from 'uuid';
import { LIMITS } from '../../contracts/limits.ts';
import type { Db, Tx } from '../db/db.ts';
import type { AttachmentPlace, PlaceName } from '../places/attachment-place.ts';

/** A content that was written to a place. */
interface WrittenContent {
  readonly user: string;
  readonly place: PlaceName;
  /** Null: none was written, because the place should have it. */
  readonly contentKey: string | null;
  readonly sha256: string;
  readonly size: number;
}

/**
 * Returns a new key to write a content of the user under. Its removal is planned before anything is written, so nothing is left behind
 * where the writer dies.
 */
export async function planContent(tx: Tx, user: string, place: PlaceName): Promise<string> {
  const id = uuidv4();
  const [{ key } = { key: '' }] = await tx.query<{ key: string }>(
    `INSERT INTO perdure.attachment_removals (content_key, user_id, place, due_at, removing)
     SELECT prefix || '/' || $1::text, $4, $2, clock_timestamp() + make_interval(secs => $3::float8 / 1000), false
       FROM perdure.attachment_key_prefix
     RETURNING content_key AS key`,
    [`${id.slice(0, 2)}/${id}`, place, 2 * LIMITS.uploadMs.value, user],
  );
  return key;
}

/** Until the transaction ends, no other one adds to the attachments of the user. */
export async function lockAttachments(tx: Tx, user: string): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('perdure attachments ' || $1::text, 0))`, [user]);
}

/**
 * Keeps a content that was written, in the transaction that makes it that of an attachment and holds {@link lockAttachments}.
 * Returns its key: that of the same content, if the user has it in the place already; the written one is then to be removed.
 * Returns null if the removal of the written one has begun.
 */
export async function adoptContent(tx: Tx, content: WrittenContent): Promise<string | null> {
  const { user, place, contentKey, sha256, size } = content;
  // Locked, so that it cannot be released before the transaction ends.
  const [same] = await tx.query<{ key: string }>(
    `SELECT content_key AS key FROM perdure.attachment_contents
      WHERE user_id = $1 AND place = $2 AND sha256 = $3 FOR KEY SHARE`,
    [user, place, sha256],
  );
  if (same !== undefined) {
    await tx.query(`UPDATE perdure.attachment_removals SET due_at = clock_timestamp() WHERE content_key = $1`, [
      contentKey,
    ]);
    return same.key;
  }
  const planned = await tx.query(
    `DELETE FROM perdure.attachment_removals WHERE content_key = $1 AND NOT removing RETURNING 1`,
    [contentKey],
  );
  if (contentKey === null || planned.length === 0) return null;
  await tx.query(
    `INSERT INTO perdure.attachment_contents (content_key, user_id, place, sha256, size, created_at)
     VALUES ($1, $2, $3, $4, $5, clock_timestamp())`,
    [contentKey, user, place, sha256, size],
  );
  return contentKey;
}

/**
 * Plans the removal of those of the contents that no attachment has any more, after `afterMs`, in the transaction in which
 * attachments have ceased to have them.
 */
export async function releaseContents(tx: Tx, keys: readonly string[], afterMs = 0): Promise<void> {
  if (keys.length === 0) return;
  const among = `content_key IN (SELECT json_array_elements_text($1::json))`;
  // A transaction that is about to adopt one holds a lock of it. The next statement sees what it has done.
  await tx.query(`SELECT FROM perdure.attachment_contents WHERE ${among} ORDER BY content_key FOR UPDATE`, [
    JSON.stringify(keys),
  ]);
  await tx.query(
    `WITH released AS (
       DELETE FROM perdure.attachment_contents c
        WHERE ${among} AND NOT EXISTS (SELECT FROM perdure.attachments a WHERE a.content_key = c.content_key)
       RETURNING content_key, user_id, place)
     INSERT INTO perdure.attachment_removals (content_key, user_id, place, due_at, removing)
     SELECT content_key, user_id, place, clock_timestamp() + make_interval(secs => $2::float8 / 1000), false FROM released`,
    [JSON.stringify(keys), afterMs],
  );
}

/** Removes a content that was written, unless it was adopted. */
export async function removeContent(db: Db, place: AttachmentPlace, key: string): Promise<void> {
  await db.query(
    `UPDATE perdure.attachment_removals SET removing = true, due_at = clock_timestamp() WHERE content_key = $1`,
    [key],
  );
  const adopted = await db.query(`SELECT FROM perdure.attachment_contents WHERE content_key = $1`, [key]);
  if (adopted.length > 0) return;
  await place.remove(key);
  await db.query(`DELETE FROM perdure.attachment_removals WHERE content_key = $1`, [key]);
}
