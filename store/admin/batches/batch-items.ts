import type { BatchItem, BatchItemPage, BatchOutcome } from '../../../contracts/admin/batch.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';
import type { BatchTarget } from './find-targets.ts';

/** A run or session that a batch is to change. */
export interface PendingItem extends BatchTarget {
  readonly item: number;
  /** Whether an earlier attempt has begun to change it. */
  readonly begunBefore: boolean;
}

/** What became of an item. `code` and `detail`: why it was skipped or failed. */
export interface ItemResult {
  readonly outcome: BatchOutcome;
  readonly code?: string;
  readonly detail?: string;
}

/**
 * For workers: adds a page of what matches to a batch, and records where the next one begins; null: this was the last. Does nothing
 * if another attempt has added it. Returns whether more is to be selected.
 */
export async function addItems(
  db: Db,
  id: string,
  { after, targets, next }: { after: string | null; targets: readonly BatchTarget[]; next: string | null },
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const [batch] = await tx.query<{ matched: number; isNext: boolean }>(
      `SELECT matched, position IS NOT DISTINCT FROM $2 AS "isNext" FROM perdure.batches
        WHERE batch_id = $1 AND ended_at IS NULL AND selected_at IS NULL FOR UPDATE`,
      [id, after],
    );
    if (!batch) return false;
    if (!batch.isNext) return true;
    const room = LIMITS.batchItems.value - batch.matched;
    const added = await tx.query(
      `INSERT INTO perdure.batch_items (batch_id, item, user_id, session_id, run_id)
       SELECT $1, (SELECT coalesce(max(item), 0) FROM perdure.batch_items WHERE batch_id = $1) + n,
              t.e ->> 'user', t.e ->> 'session', t.e ->> 'run'
         FROM json_array_elements($2::json) WITH ORDINALITY t (e, n)
           ON CONFLICT (batch_id, user_id, session_id, run_id) DO NOTHING RETURNING 1`,
      [id, JSON.stringify(targets.slice(0, room).map(({ key, runId }) => ({ ...key, run: runId ?? '' })))],
    );
    const truncated = targets.length > room || (targets.length === room && next !== null);
    const isLast = next === null || truncated;
    await tx.query(
      `UPDATE perdure.batches
          SET matched = matched + $2::integer, position = $3, truncated = $4,
              selected_at = CASE WHEN $5 THEN date_trunc('milliseconds', clock_timestamp()) END
        WHERE batch_id = $1`,
      [id, added.length, isLast ? null : next, truncated, isLast],
    );
    return !isLast;
  });
}

/** For workers: the position after which the next page is selected; null for the first. */
export async function readPosition(db: Db, id: string): Promise<string | null> {
  const [row] = await db.query<{ position: string | null }>(
    `SELECT position FROM perdure.batches WHERE batch_id = $1`,
    [id],
  );
  return row?.position ?? null;
}

/** For workers: begins the next items. Returns none when the batch has ended, or nothing is left. */
export async function beginItems(db: Db, id: string, limit: number): Promise<PendingItem[]> {
  const rows = await db.query<{ item: number; user: string; session: string; run: string; before: boolean }>(
    `WITH next AS (SELECT i.item, i.begun_at FROM perdure.batch_items i
                    WHERE i.batch_id = $1 AND i.outcome IS NULL
                      AND EXISTS (SELECT FROM perdure.batches b WHERE b.batch_id = $1 AND b.ended_at IS NULL)
                    ORDER BY i.item LIMIT $2 FOR UPDATE)
     UPDATE perdure.batch_items i SET begun_at = coalesce(i.begun_at, clock_timestamp())
       FROM next WHERE i.batch_id = $1 AND i.item = next.item
     RETURNING i.item, i.user_id AS user, i.session_id AS session, i.run_id AS run, next.begun_at IS NOT NULL AS before`,
    [id, limit],
  );
  return rows
    .map(({ item, user, session, run, before }) => ({
      item,
      key: { user, session },
      runId: run === '' ? null : run,
      begunBefore: before,
    }))
    .toSorted((a, b) => a.item - b.item);
}

/** For workers: records what became of an item, once. */
export async function endItem(db: Db, id: string, item: number, { outcome, code, detail }: ItemResult): Promise<void> {
  await db.query(
    `WITH ended AS (UPDATE perdure.batch_items
                       SET outcome = $3, code = $4, detail = $5, ended_at = date_trunc('milliseconds', clock_timestamp())
                     WHERE batch_id = $1 AND item = $2 AND outcome IS NULL RETURNING 1)
     UPDATE perdure.batches b
        SET done = b.done + CASE WHEN $3 = 'done' THEN 1 ELSE 0 END,
            skipped = b.skipped + CASE WHEN $3 = 'skipped' THEN 1 ELSE 0 END,
            failed = b.failed + CASE WHEN $3 = 'failed' THEN 1 ELSE 0 END
      WHERE b.batch_id = $1 AND EXISTS (SELECT FROM ended)`,
    [id, item, outcome, code ?? null, detail ?? null],
  );
}

/** For workers: ends a batch of which nothing is left. */
export async function completeBatch(db: Db, id: string): Promise<void> {
  await db.query(
    `UPDATE perdure.batches SET ended_at = date_trunc('milliseconds', clock_timestamp())
      WHERE batch_id = $1 AND ended_at IS NULL AND selected_at IS NOT NULL
        AND NOT EXISTS (SELECT FROM perdure.batch_items i WHERE i.batch_id = $1 AND i.outcome IS NULL)`,
    [id],
  );
}

/** For operators: lists what a batch did, in its order. Throws `invalid_request` for an invalid cursor. */
export async function listBatchItems(
  db: Db,
  id: string,
  query: { readonly limit: number; readonly cursor?: string | undefined; readonly outcome?: BatchOutcome | undefined },
): Promise<BatchItemPage> {
  const limit = pageSize(query.limit, LIMITS.batchItemsPerPage.value);
  const [after] = query.cursor === undefined ? [0] : positionIn(query.cursor, ['number']);
  const rows = await db.query<BatchItem & { readonly item: number }>(
    `SELECT item, user_id AS user, session_id AS "sessionId", nullif(run_id, '') AS "runId", outcome, code, detail,
            ended_at AS "endedAt"
       FROM perdure.batch_items
      WHERE batch_id = $1 AND item > $2 AND ($3::text IS NULL OR outcome = $3) ORDER BY item LIMIT $4`,
    [id, after, query.outcome ?? null, limit + 1],
  );
  const { page, nextCursor } = cutPage(rows, limit, (last) => [last.item]);
  return { data: page.map(({ item: _item, ...rest }) => rest), nextCursor };
}
