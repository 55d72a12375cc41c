import type { Db } from '../db/db.ts';
import { readRealArray } from './embeddings.ts';

/** A page of the codes of a user's vectors. */
export interface CodePage {
  /** Number the codes, in ascending order: another vector of the same memory has another one. */
  readonly revisions: Float64Array;
  /** One after the other. */
  readonly codes: Uint8Array;
  /** The last revision, if more may follow. */
  readonly next: number | null;
}

/** Codes of one statement. */
const PAGE = 20_000;
/** Bytes of a bigint in PostgreSQL's binary format. */
const BIGINT = 8;

/**
 * Returns a page of the codes of `bytes` bytes of a user's vectors, in the order of their revisions. One row: a row for each code
 * takes several times as long.
 */
export async function readCodes(db: Db, user: string, model: string, bytes: number, after: number): Promise<CodePage> {
  const [row] = await db.query<{ revisions: Uint8Array | null; codes: Uint8Array | null; rows: number; last: number }>(
    // The condition on the length is outside: the planner expects it to leave few rows, and would not take the index of revisions.
    `SELECT string_agg(int8send(revision), '' ORDER BY revision) FILTER (WHERE octet_length(code) = $4) AS revisions,
            string_agg(code, '' ORDER BY revision) FILTER (WHERE octet_length(code) = $4) AS codes,
            count(*)::int AS rows, max(revision)::float8 AS last
       FROM (SELECT revision, code FROM perdure.memories
              WHERE user_id = $1 AND revision > $3 AND code IS NOT NULL AND embedding_model = $2
              ORDER BY revision LIMIT $5) page`,
    [user, model, after, bytes, PAGE],
  );
  if (!row) throw new Error('An aggregate returned no row.');
  return {
    revisions: bigintsOf(row.revisions ?? new Uint8Array()),
    codes: row.codes ?? new Uint8Array(),
    next: row.rows < PAGE ? null : row.last,
  };
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
    `SELECT memory_id, array_send(embedding) AS embedding FROM perdure.memories
      WHERE user_id = $1 AND embedding_model = $2 AND code IS NOT NULL
        AND revision IN (SELECT r::bigint FROM json_array_elements_text($3::json) r)`,
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
