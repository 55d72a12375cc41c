import type { Db } from '../db/db.ts';
import { readRealArray } from './embeddings.ts';

/** Codes of the same length. */
export interface CodeRows {
  /** Bytes of each code. */
  readonly bytes: number;
  /** Number the codes, in ascending order: another vector of the same memory has another one. */
  readonly revisions: Float64Array;
  /** One after the other. */
  readonly codes: Uint8Array;
}

/** A page of the codes of a user's vectors. */
export interface CodePage {
  readonly parts: readonly CodeRows[];
  /** The last revision, if more may follow. */
  readonly next: number | null;
}

/** Codes of one statement. */
const PAGE = 20_000;
/** Bytes of a bigint in PostgreSQL's binary format. */
const BIGINT = 8;

/**
 * Returns a page of the codes of a user's vectors, in the order of their revisions. One row for all codes of the same length: a row
 * for each code takes several times as long.
 */
export async function readCodes(db: Db, user: string, model: string, after: number): Promise<CodePage> {
  const rows = await db.query<{ bytes: number; revisions: Uint8Array; codes: Uint8Array; last: number }>(
    `SELECT octet_length(code) AS bytes, string_agg(int8send(revision), '' ORDER BY revision) AS revisions,
            string_agg(code, '' ORDER BY revision) AS codes, max(revision)::float8 AS last
       FROM (SELECT revision, code FROM perdure.memories
              WHERE user_id = $1 AND revision > $3 AND code IS NOT NULL AND embedding_model = $2
              ORDER BY revision LIMIT $4) page
      GROUP BY octet_length(code)`,
    [user, model, after, PAGE],
  );
  const parts = rows.map(({ bytes, revisions, codes }) => ({ bytes, revisions: bigintsOf(revisions), codes }));
  const count = parts.reduce((sum, { revisions }) => sum + revisions.length, 0);
  return { parts, next: count < PAGE ? null : Math.max(...rows.map(({ last }) => last)) };
}

function bigintsOf(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const numbers = new Float64Array(bytes.byteLength / BIGINT);
  for (let index = 0; index < numbers.length; index += 1) numbers[index] = Number(view.getBigInt64(index * BIGINT));
  return numbers;
}

/** A memory with its vector. */
export interface VectorRow {
  readonly id: string;
  readonly embedding: Float32Array;
}

/** Returns the vectors of a user's current memories with the given revisions. */
export async function readVectors(
  db: Db,
  user: string,
  model: string,
  revisions: readonly number[],
): Promise<readonly VectorRow[]> {
  if (revisions.length === 0) return [];
  const rows = await db.query<{ memory_id: string; embedding: Uint8Array }>(
    // A look into the index of revisions for each, whatever the planner expects.
    `SELECT m.memory_id, array_send(m.embedding) AS embedding
       FROM (SELECT DISTINCT value::bigint AS revision FROM json_array_elements_text($3::json)) r
      CROSS JOIN LATERAL (SELECT memory_id, embedding FROM perdure.memories
                           WHERE user_id = $1 AND revision = r.revision AND code IS NOT NULL AND embedding_model = $2
                           LIMIT 1) m`,
    [user, model, JSON.stringify(revisions)],
  );
  return rows.map(({ memory_id: id, embedding }) => ({ id, embedding: readRealArray(embedding) }));
}

/** The state of a user's memories. */
export interface MemoryState {
  /** The number of the latest change. */
  readonly revision: number;
  /** Superseded ones too. */
  readonly memories: number;
}

export async function readMemoryState(db: Db, user: string): Promise<MemoryState> {
  const [row] = await db.query<{ revision: number; memories: number }>(
    `SELECT revision::float8 AS revision, memories FROM perdure.memory_users WHERE user_id = $1`,
    [user],
  );
  return row ?? { revision: 0, memories: 0 };
}
