import { createHash } from 'node:crypto';
import { encodeVector } from '../../core/memory/vector-code.ts';
import type { Db, Tx } from '../db/db.ts';

/** A memory whose vector is to be saved. */
export interface EmbeddedMemory {
  readonly id: string;
  /** {@link contentHash} of its content. */
  readonly hash: string;
  /** Null for a content that the model does not accept: the memory is found by full text only. */
  readonly embedding: readonly number[] | null;
}

/** SHA-256 of a content, hexadecimal. */
export function contentHash(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Returns the cached vectors of contents, by hash. */
export async function readEmbeddings(
  db: Tx,
  model: string,
  hashes: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  if (hashes.length === 0) return new Map();
  const rows = await db.query<{ hash: string; embedding: Uint8Array }>(
    `SELECT encode(content_hash, 'hex') AS hash, array_send(embedding) AS embedding FROM perdure.embeddings
      WHERE model = $1 AND content_hash IN (SELECT decode(h, 'hex') FROM json_array_elements_text($2::json) h)`,
    [model, JSON.stringify(hashes)],
  );
  return new Map(rows.map(({ hash, embedding }) => [hash, [...readRealArray(embedding)]]));
}

/** Saves vectors of a user's memories, and caches them by content. Skips memories that were forgotten or superseded meanwhile. */
export async function saveEmbeddings(
  db: Db,
  user: string,
  model: string,
  memories: readonly EmbeddedMemory[],
): Promise<void> {
  const given = memories.map(({ id, hash, embedding }, index) => ({
    id,
    hash,
    index: index + 1,
    embedding: embedding && `{${embedding.join(',')}}`,
    code: embedding && Buffer.from(encodeVector(embedding)).toString('hex'),
  }));
  const rows = `json_to_recordset($3::json) AS g(id text, hash text, index int, embedding real[], code text)`;
  await db.transaction(async (tx) => {
    const [last] = await tx.query<{ revision: number }>(
      `UPDATE perdure.memory_users SET revision = revision + $2 WHERE user_id = $1 RETURNING revision::float8 AS revision`,
      [user, given.length],
    );
    if (!last) return;
    const params = [user, model, JSON.stringify(given)];
    await tx.query(
      `UPDATE perdure.memories m
          SET embedding_model = $2, embedding = g.embedding, code = decode(g.code, 'hex'), revision = $4::bigint + g.index
         FROM ${rows}
        WHERE m.user_id = $1 AND m.memory_id = g.id AND m.content_hash = decode(g.hash, 'hex') AND m.superseded_by IS NULL`,
      [...params, last.revision - given.length],
    );
    await tx.query(
      `INSERT INTO perdure.embeddings (content_hash, model, embedding)
       SELECT DISTINCT ON (m.content_hash) m.content_hash, $2, m.embedding
         FROM ${rows} JOIN perdure.memories m ON m.user_id = $1 AND m.memory_id = g.id
        WHERE m.superseded_by IS NULL AND m.embedding_model = $2 AND m.embedding IS NOT NULL
        ORDER BY m.content_hash
           ON CONFLICT DO NOTHING`,
      params,
    );
  });
}

/**
 * Removes the cached vectors of contents that no current memory has. Locks them first: of two users who forget the same content
 * at the same time, the second one then finds that the first has none.
 */
export async function removeUnusedEmbeddings(tx: Tx, hashes: readonly string[]): Promise<void> {
  if (hashes.length === 0) return;
  const among = `content_hash IN (SELECT decode(h, 'hex') FROM json_array_elements_text($1::json) h)`;
  const params = [JSON.stringify(hashes)];
  await tx.query(`SELECT FROM perdure.embeddings WHERE ${among} ORDER BY content_hash, model FOR UPDATE`, params);
  await tx.query(
    `DELETE FROM perdure.embeddings e WHERE ${among}
        AND NOT EXISTS (SELECT FROM perdure.memories m WHERE m.content_hash = e.content_hash AND m.superseded_by IS NULL)`,
    params,
  );
}

/** Bytes before the elements of an array in PostgreSQL's binary format, and before each element. */
const ARRAY_HEADER = 20;
const ELEMENT_HEADER = 4;

/** Reads a one-dimensional `real[]` without nulls, as `array_send` writes it. */
export function readRealArray(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength <= ARRAY_HEADER ? 0 : view.getInt32(12);
  const values = new Float32Array(count);
  let at = ARRAY_HEADER + ELEMENT_HEADER;
  for (let index = 0; index < count; index += 1, at += ELEMENT_HEADER + 4) values[index] = view.getFloat32(at);
  return values;
}
