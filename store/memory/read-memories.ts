import { LIMITS } from '../../contracts/limits.ts';
import type { Memory, MemoryPage } from '../../contracts/capabilities/memory.ts';
import { positionIn } from '../db/cursor.ts';
import type { Db } from '../db/db.ts';
import { cutPage, pageSize } from '../db/page.ts';
import { MEMORY_COLUMNS, memoryOf, type MemoryRow } from './memory-rows.ts';

export interface MemoryListQuery {
  /** Page size. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** A page of a user's current memories, newest first. */
export async function listMemories(
  db: Db,
  user: string,
  { limit: given, cursor }: MemoryListQuery,
): Promise<MemoryPage> {
  const limit = pageSize(given, LIMITS.memoriesPerPage.value);
  const position = cursor === undefined ? null : positionIn(cursor, ['time', 'string']);
  const rows = await db.query<MemoryRow>(
    `SELECT ${MEMORY_COLUMNS} FROM perdure.memories m
      WHERE user_id = $1 AND superseded_by IS NULL
        ${position === null ? '' : `AND (created_at, memory_id) < ($3::timestamptz, $4)`}
      ORDER BY created_at DESC, memory_id DESC LIMIT $2`,
    [user, limit + 1, ...(position ?? [])],
  );
  const { page, nextCursor } = cutPage(rows, limit, (row) => [row.created_at, row.memory_id]);
  return { data: page.map(memoryOf), nextCursor };
}

/** Returns those of the user's current memories that have one of the ids, by id. */
export async function readMemories(db: Db, user: string, ids: readonly string[]): Promise<ReadonlyMap<string, Memory>> {
  if (ids.length === 0) return new Map();
  const rows = await db.query<MemoryRow>(
    `SELECT ${MEMORY_COLUMNS} FROM perdure.memories m
      WHERE user_id = $1 AND superseded_by IS NULL AND memory_id IN (SELECT json_array_elements_text($2::json))`,
    [user, JSON.stringify(ids)],
  );
  return new Map(rows.map((row) => [row.memory_id, memoryOf(row)]));
}

/** Whether some of a user's current memories have no vector of the model yet. */
export async function hasPendingVectors(db: Db, user: string, model: string): Promise<boolean> {
  const [row] = await db.query<{ pending: boolean }>(
    // The first and the last are one look into an index each. Under EXISTS, a plan for any model expects to find one soon, and reads all.
    `SELECT EXISTS (SELECT FROM perdure.memories WHERE user_id = $1 AND superseded_by IS NULL AND embedding_model IS NULL)
            OR coalesce(min(embedding_model) <> $2 OR max(embedding_model) <> $2, false) AS pending
       FROM perdure.memories WHERE user_id = $1 AND superseded_by IS NULL`,
    [user, model],
  );
  return row?.pending ?? false;
}
