import { v7 as uuidv7 } from 'uuid';
import type { Erasure, ErasurePage, ErasureStep } from '../../../contracts/admin/erasure.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db, Tx } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';

type ErasureRow = Omit<Erasure, 'providerConversations'> & { readonly pending: number; readonly givenUp: number };

const RECORD = `
  SELECT e.erasure_id AS id, e.user_id AS user, e.requested_at AS "requestedAt", e.ended_at AS "endedAt",
         round(extract(epoch FROM coalesce(e.ended_at, clock_timestamp()) - e.requested_at) * 1000)::float8 AS "durationMs",
         e.step, e.counts, e.error, coalesce(k.pending, 0) AS pending, coalesce(k.given_up, 0) AS "givenUp"
    FROM perdure.erasures e
    LEFT JOIN LATERAL (SELECT (count(*) FILTER (WHERE due_at IS NOT NULL))::integer AS pending,
                              (count(*) FILTER (WHERE due_at IS NULL))::integer AS given_up
                         FROM perdure.kept_conversations WHERE erasure_id = e.erasure_id) k ON true`;

function erasureOf({ pending, givenUp, ...record }: ErasureRow): Erasure {
  return { ...record, ...(pending + givenUp === 0 ? {} : { providerConversations: { pending, givenUp } }) };
}

/**
 * For operators: begins the erasure of a user. From the commit on, nothing is added of the user (`erasure_in_progress`). Returns the
 * erasure that is in progress, if there is one.
 */
export async function beginErasure(db: Db, user: string): Promise<Erasure> {
  const id = await db.transaction(async (tx) => {
    // Waits for transactions that have added something of the user, so that the erasure finds it.
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('perdure erasure ' || $1::text, 0))`, [user]);
    const [known] = await tx.query<{ id: string }>(`SELECT erasure_id AS id FROM perdure.erasures WHERE user_id = $1`, [
      user,
    ]);
    if (known !== undefined) return known.id;
    const added = uuidv7();
    await tx.query(
      `INSERT INTO perdure.erasures (erasure_id, user_id, requested_at)
       VALUES ($1, $2, date_trunc('milliseconds', clock_timestamp()))`,
      [added, user],
    );
    return added;
  });
  const erasure = await readErasure(db, id);
  if (erasure === null) throw new Error('The erasure is absent after its commit.');
  return erasure;
}

/** For operators: reads an erasure; null when there is none. */
export async function readErasure(db: Tx, id: string): Promise<Erasure | null> {
  const [row] = await db.query<ErasureRow>(`${RECORD} WHERE e.erasure_id = $1`, [id]);
  return row ? erasureOf(row) : null;
}

/** For operators: lists erasures, newest first. Throws `invalid_request` for an invalid cursor. */
export async function listErasures(
  db: Db,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<ErasurePage> {
  const limit = pageSize(page.limit, LIMITS.erasuresPerPage.value);
  const [at, id] = page.cursor === undefined ? [null, null] : positionIn(page.cursor, ['time', 'string']);
  const rows = await db.query<ErasureRow>(
    `${RECORD} WHERE $1::timestamptz IS NULL OR (e.requested_at, e.erasure_id) < ($1, $2)
      ORDER BY e.requested_at DESC, e.erasure_id DESC LIMIT $3`,
    [at, id, limit + 1],
  );
  const { page: data, nextCursor } = cutPage(rows.map(erasureOf), limit, (last) => [last.requestedAt, last.id]);
  return { data, nextCursor };
}

/** For workers: the erasures that are in progress, the oldest first. */
export async function listOpenErasures(db: Db, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT erasure_id AS id FROM perdure.erasures WHERE user_id IS NOT NULL ORDER BY requested_at LIMIT $1`,
    [limit],
  );
  return rows.map(({ id }) => id);
}

/** What a step has erased, by place. */
export type ErasedCounts = Readonly<Record<string, number>>;

/** An erasure in progress, and whom it erases. */
export interface ErasureRef {
  readonly id: string;
  readonly user: string;
}

/** For workers: adds to the counts of the report. In the transaction that erases what is counted, so that a repeated attempt counts nothing twice. */
export async function countErased(tx: Tx, id: string, counts: ErasedCounts): Promise<void> {
  await tx.query(
    `UPDATE perdure.erasures
        SET counts = counts || coalesce(
              (SELECT jsonb_object_agg(c.key, c.value::bigint + coalesce((counts ->> c.key)::bigint, 0))
                 FROM jsonb_each_text($2::jsonb) c WHERE c.value::bigint > 0), '{}')
      WHERE erasure_id = $1`,
    [id, JSON.stringify(counts)],
  );
}

/** For workers: counts executions in Temporal, each once, however often attempts find it. */
export async function countExecutions(db: Db, id: string, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return;
  await db.transaction(async (tx) => {
    const added = await tx.query(
      `INSERT INTO perdure.erased_executions (erasure_id, run_id)
       SELECT DISTINCT $1, json_array_elements_text($2::json) ON CONFLICT DO NOTHING RETURNING 1`,
      [id, JSON.stringify(runIds)],
    );
    await countErased(tx, id, { 'temporal.executions': added.length });
  });
}

/** For workers: records the step in progress, and why the last attempt of it failed. */
export async function recordErasure(
  db: Db,
  id: string,
  { step, error = null }: { step: ErasureStep; error?: string | null },
): Promise<void> {
  await db.query(`UPDATE perdure.erasures SET step = $2, error = $3 WHERE erasure_id = $1 AND user_id IS NOT NULL`, [
    id,
    step,
    error,
  ]);
}

/** For workers: ends an erasure. Its row names nobody from then on, and the user may come back as a new one. */
export async function endErasure(tx: Tx, id: string): Promise<void> {
  await tx.query(
    `UPDATE perdure.erasures SET user_id = NULL, step = NULL, error = NULL, ended_at = date_trunc('milliseconds', clock_timestamp())
      WHERE erasure_id = $1 AND user_id IS NOT NULL`,
    [id],
  );
  await tx.query(`DELETE FROM perdure.erased_executions WHERE erasure_id = $1`, [id]);
}
