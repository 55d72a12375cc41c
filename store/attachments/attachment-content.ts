import type { ByteRange } from '../../core/attachments/byte-range.ts';
import type { Db, Tx } from '../db/db.ts';
import type { PlaceName } from '../places/attachment-place.ts';
import { placeOf } from '../places/attachment-places.ts';

/** The size of each chunk of an attachment but the last. */
export const CHUNK_BYTES = 256 * 1024;

/** Which attachment, and whose. */
export interface AttachmentKey {
  readonly user: string;
  readonly id: string;
}

/** Where the content of an attachment is: outside the database under a key, or in the database (null). */
export type ContentLocation = { readonly place: PlaceName; readonly contentKey: string } | null;

/** Writes one chunk. As text in base64, because the embedded store takes parameters as text. */
async function writeChunk(tx: Tx, { user, id }: AttachmentKey, position: number, data: Buffer): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.attachment_chunks (user_id, attachment_id, position, data)
     VALUES ($1, $2, $3, decode($4, 'base64')) ON CONFLICT DO NOTHING`,
    [user, id, position, data.toString('base64')],
  );
}

/** Writes the chunks of a content, each of the size {@link CHUNK_BYTES} but the last. */
export async function writeChunks(tx: Tx, key: AttachmentKey, chunks: AsyncIterable<Buffer>): Promise<void> {
  let position = 0;
  for await (const chunk of chunks) {
    await writeChunk(tx, key, position, chunk);
    position += 1;
  }
}

/**
 * Reads a range of an attachment piece by piece: only one of them is in memory. Goes on where the content has been moved
 * meanwhile. Ends early if the attachment is removed meanwhile, or its place does not have the content.
 */
export async function* readContent(db: Db, key: AttachmentKey, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  // Without places, all contents are in the database.
  let location = db.places !== undefined && db.places.all.length > 0 ? await locateContent(db, key) : null;
  for (let at = start; at < end && location !== undefined;) {
    const before = at;
    for await (const piece of readFrom(db, key, location, { start: at, end })) {
      at += piece.length;
      yield piece;
    }
    if (at === end) return;
    const now = await locateContent(db, key);
    if (at === before && now?.contentKey === location?.contentKey) return;
    location = now;
  }
}

/** Where the content of an attachment is; undefined if there is no such attachment. */
export async function locateContent(tx: Tx, { user, id }: AttachmentKey): Promise<ContentLocation | undefined> {
  const [found] = await tx.query<{ place: PlaceName | null; contentKey: string | null }>(
    `SELECT c.place, a.content_key AS "contentKey" FROM perdure.attachments a
       LEFT JOIN perdure.attachment_contents c USING (content_key)
      WHERE a.user_id = $1 AND a.attachment_id = $2 AND a.complete`,
    [user, id],
  );
  if (found === undefined) return undefined;
  const { place, contentKey } = found;
  return place === null || contentKey === null ? null : { place, contentKey };
}

function readFrom(db: Db, key: AttachmentKey, location: ContentLocation, range: ByteRange): AsyncGenerator<Buffer> {
  if (location === null) return readChunks(db, key, range);
  return placeOf(db.places, location.place).read(location.contentKey, range);
}

/** Reads a range from the chunks in the database. Ends early if there are none any more. */
async function* readChunks(tx: Tx, { user, id }: AttachmentKey, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  for (let at = start; at < end;) {
    const position = Math.floor(at / CHUNK_BYTES);
    const offset = at - position * CHUNK_BYTES;
    const length = Math.min(end - at, CHUNK_BYTES - offset);
    const [row] = await tx.query<{ data: string }>(
      `SELECT encode(substring(data FROM $4::int FOR $5::int), 'base64') AS data FROM perdure.attachment_chunks
        WHERE user_id = $1 AND attachment_id = $2 AND position = $3`,
      [user, id, position, offset + 1, length],
    );
    const bytes = Buffer.from(row?.data ?? '', 'base64');
    if (bytes.length === 0) return;
    at += bytes.length;
    yield bytes;
  }
}
