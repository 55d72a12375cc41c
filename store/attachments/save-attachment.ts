import { v7 as uuidv7 } from 'uuid';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import type { StorageLimits } from '../../contracts/attachments/storage-limits.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { Db, Tx } from '../db/db.ts';
import type { PlaceName } from '../places/attachment-place.ts';
import { writeChunks } from './attachment-content.ts';
import { chunksOf, MeasuredContent } from './measured-content.ts';
import { adoptContent, lockAttachments, planContent, removeContent } from './placed-content.ts';

/** An attachment to save. */
export interface NewAttachment {
  readonly user: string;
  readonly name: string;
  /** Determines the content type from the first bytes, at least 4 KiB of a longer content. */
  readonly typeOf: (head: Buffer) => Promise<string>;
  readonly limits: StorageLimits;
  /** Default: a new one. With the id of an existing attachment, whose content is the same, that one is kept. */
  readonly id?: string;
}

/**
 * Saves an attachment chunk by chunk as its content arrives: only one chunk is in memory. Nobody sees the attachment before it
 * is complete. Where the content ends with an error, or exceeds a limit (`too_large`), nothing remains of it.
 */
export async function saveAttachment(
  db: Db,
  { user, name, typeOf, limits, id = `att_${uuidv7()}` }: NewAttachment,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Attachment> {
  const begun = await begin(db, user, id, name, limits);
  if (begun !== null) return begun;
  const place = db.places?.current ?? null;
  const contentKey = place === null ? null : await planContent(db, user, place.name);
  try {
    const measured = new MeasuredContent(chunksOf(content, limits.attachmentBytes), typeOf);
    if (place === null || contentKey === null) await writeChunks(db, { user, id }, measured.pieces());
    else await place.write(contentKey, measured.pieces());
    const attachment = { id, name, ...(await measured.result()) };
    const kept = await complete(
      db,
      user,
      attachment,
      limits,
      place && contentKey ? { place: place.name, contentKey } : null,
    );
    // The user has had the same content before.
    if (place && contentKey && kept !== contentKey) await removeContent(db, place, contentKey).catch(() => {});
    return attachment;
  } catch (error) {
    // Where this fails too, upkeep removes it.
    await discard(db, user, id).catch(() => {});
    if (place !== null && contentKey !== null) await removeContent(db, place, contentKey).catch(() => {});
    throw error;
  }
}

/** Returns the attachment that has the id already. */
async function begin(
  db: Db,
  user: string,
  id: string,
  name: string,
  limits: StorageLimits,
): Promise<Attachment | null> {
  return await db.transaction(async (tx) => {
    await lockAttachments(tx, user);
    const [known] = await tx.query<Attachment>(
      `UPDATE perdure.attachments SET created_at = clock_timestamp() WHERE user_id = $1 AND attachment_id = $2 AND complete
       RETURNING attachment_id AS id, name, content_type AS "contentType", size::float8 AS size, sha256`,
      [user, id],
    );
    if (known !== undefined) return known;
    await checkShare(tx, user, 0, limits);
    await tx.query(
      `INSERT INTO perdure.attachments (user_id, attachment_id, name, content_type, size, sha256, created_at, complete)
       VALUES ($1, $2, $3, '', 0, '', clock_timestamp(), false)
           ON CONFLICT (user_id, attachment_id) DO UPDATE SET created_at = EXCLUDED.created_at`,
      [user, id, name],
    );
    return null;
  });
}

/** Returns the key of the content in its place; null for the database. */
async function complete(
  db: Db,
  user: string,
  { id, contentType, size, sha256 }: Attachment,
  limits: StorageLimits,
  written: { readonly place: PlaceName; readonly contentKey: string } | null,
): Promise<string | null> {
  return await db.transaction(async (tx) => {
    await lockAttachments(tx, user);
    await checkShare(tx, user, size, limits);
    const contentKey = written && (await adoptContent(tx, { user, sha256, size, ...written }));
    if (written !== null && contentKey === null) throw tookTooLong();
    const saved = await tx.query(
      `UPDATE perdure.attachments
          SET content_type = $3, size = $4, sha256 = $5, complete = true, created_at = clock_timestamp(), content_key = $6
        WHERE user_id = $1 AND attachment_id = $2 RETURNING 1`,
      [user, id, contentType, size, sha256, contentKey],
    );
    if (saved.length === 0) throw tookTooLong();
    return contentKey;
  });
}

function tookTooLong(): PerdureError {
  return new PerdureError('request_timeout', 'The upload took too long and was removed. Send the file again.');
}

async function discard(db: Db, user: string, id: string): Promise<void> {
  await db.query(`DELETE FROM perdure.attachments WHERE user_id = $1 AND attachment_id = $2 AND NOT complete`, [
    user,
    id,
  ]);
}

/** Throws `too_large` when the user's attachments and `more` bytes exceed the user's share. */
async function checkShare(
  tx: Tx,
  user: string,
  more: number,
  { attachmentBytesPerUser: limit }: StorageLimits,
): Promise<void> {
  const [{ count, bytes } = { count: 0, bytes: 0 }] = await tx.query<{ count: number; bytes: number }>(
    `SELECT count(*)::int AS count, coalesce(sum(size), 0)::float8 AS bytes FROM perdure.attachments
      WHERE user_id = $1 AND complete`,
    [user],
  );
  const remedy = 'Delete sessions that refer to some, and try again.';
  if (count >= LIMITS.attachmentsPerUser.value) {
    throw new PerdureError('too_large', `You have ${count} attachments, which is the limit. ${remedy}`);
  }
  if (bytes + more <= limit) return;
  throw new PerdureError(
    'too_large',
    `Your attachments would have ${bytes + more} bytes; the limit is ${limit} (limits.attachmentBytesPerUser). ${remedy}`,
  );
}
