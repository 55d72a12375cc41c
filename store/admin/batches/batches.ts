import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import type { Batch, BatchOrder, BatchPage, BatchRequest } from '../../../contracts/admin/batch.ts';
import { canonicalJson } from '../../../contracts/canonical-json.ts';
import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { positionIn } from '../../db/cursor.ts';
import type { Db, Tx } from '../../db/db.ts';
import { cutPage, pageSize } from '../../db/page.ts';

interface BatchRow extends Omit<Batch, 'filter' | 'perSecond' | 'status' | 'reasons'> {
  readonly user: string | null;
  readonly request: BatchOrder;
  readonly begunAt: string | null;
  readonly selectedAt: string | null;
  readonly cancelled: boolean;
}

const RECORD = `
  SELECT batch_id AS id, user_id AS user, action, request, actor AS by, created_at AS "createdAt", begun_at AS "begunAt",
         selected_at AS "selectedAt", ended_at AS "endedAt", cancelled, truncated, matched, done, skipped, failed
    FROM perdure.batches`;

/** The order of a batch, as its worker reads it. */
export interface StoredBatch {
  readonly id: string;
  readonly order: BatchOrder;
  /** The time as of which its filter selects, ISO 8601. */
  readonly createdAt: string;
  readonly selectedAt: string | null;
  readonly endedAt: string | null;
}

/**
 * For operators: records a batch, which a worker then executes. A known id returns its batch if the request is the same; throws
 * `idempotency_conflict` otherwise. Throws `rate_limited` while too many are in progress.
 */
export async function beginBatch(
  db: Db,
  { id: given, dryRun: _dryRun, ...order }: BatchRequest,
  by: string,
): Promise<Batch> {
  const id = given ?? uuidv7();
  const { user, ...filter } = order.filter;
  const hash = createHash('sha256').update(canonicalJson(order)).digest('hex');
  await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('perdure batches', 0))`, []);
    const [known] = await tx.query<{ hash: string }>(
      `SELECT body_hash AS hash FROM perdure.batches WHERE batch_id = $1`,
      [id],
    );
    if (known) return requireSame(id, known.hash === hash);
    await requireFew(tx);
    await tx.query(
      `INSERT INTO perdure.batches (batch_id, user_id, action, request, body_hash, actor, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, date_trunc('milliseconds', clock_timestamp()))`,
      [id, user ?? null, order.action, JSON.stringify({ ...order, filter }), hash, by],
    );
  });
  const batch = await readBatch(db, id);
  if (batch === null) throw new Error('The batch is absent after its commit.');
  return batch;
}

function requireSame(id: string, isSame: boolean): void {
  if (isSame) return;
  throw new PerdureError(
    'idempotency_conflict',
    `The batch ${JSON.stringify(id)} exists with another request. Use another id, or send the same request.`,
  );
}

async function requireFew(tx: Tx): Promise<void> {
  const [row] = await tx.query<{ open: number }>(
    `SELECT count(*)::integer AS open FROM perdure.batches WHERE ended_at IS NULL`,
    [],
  );
  const most = LIMITS.openBatches.value;
  if ((row?.open ?? 0) < most) return;
  throw new PerdureError('rate_limited', `${most} batches are in progress, which is the limit. Wait, or cancel one.`, {
    retryAfterMs: 10_000,
  });
}

/** For operators: reads a batch with the reasons of what it did not do; null when there is none. */
export async function readBatch(db: Tx, id: string): Promise<Batch | null> {
  const [row] = await db.query<BatchRow>(`${RECORD} WHERE batch_id = $1`, [id]);
  if (!row) return null;
  const reasons = await db.query<NonNullable<Batch['reasons']>[number]>(
    `SELECT outcome, code, count(*)::integer AS count FROM perdure.batch_items
      WHERE batch_id = $1 AND code IS NOT NULL GROUP BY outcome, code ORDER BY count DESC, outcome, code`,
    [id],
  );
  return { ...batchOf(row), reasons };
}

/** For operators: lists batches, newest first. Throws `invalid_request` for an invalid cursor. */
export async function listBatches(
  db: Db,
  page: { readonly limit: number; readonly cursor?: string | undefined },
): Promise<BatchPage> {
  const limit = pageSize(page.limit, LIMITS.batchesPerPage.value);
  const [at, id] = page.cursor === undefined ? [null, null] : positionIn(page.cursor, ['time', 'string']);
  const rows = await db.query<BatchRow>(
    `${RECORD} WHERE $1::timestamptz IS NULL OR (created_at, batch_id) < ($1, $2)
      ORDER BY created_at DESC, batch_id DESC LIMIT $3`,
    [at, id, limit + 1],
  );
  const { page: data, nextCursor } = cutPage(rows.map(batchOf), limit, (last) => [last.createdAt, last.id]);
  return { data, nextCursor };
}

function batchOf({ user, request, begunAt, selectedAt, cancelled, ...row }: BatchRow): Batch {
  const filter = { ...request.filter, ...(user === null ? {} : { user }) };
  const { endedAt } = row;
  const inProgress = begunAt === null ? 'waiting' : selectedAt === null ? 'selecting' : 'running';
  const status = endedAt === null ? inProgress : cancelled ? 'cancelled' : 'completed';
  return { ...row, filter, perSecond: request.perSecond, status };
}

/** For operators: ends a batch. What is in progress at this moment is still completed. Returns whether it was in progress. */
export async function cancelBatch(db: Db, id: string): Promise<boolean> {
  const ended = await db.query(
    `UPDATE perdure.batches SET ended_at = date_trunc('milliseconds', clock_timestamp()), cancelled = true, position = NULL
      WHERE batch_id = $1 AND ended_at IS NULL RETURNING 1`,
    [id],
  );
  return ended.length > 0;
}

/** For workers: reads the order of a batch, and records that a worker has begun; null when there is none. */
export async function loadBatch(db: Db, id: string): Promise<StoredBatch | null> {
  const [row] = await db.query<{
    user: string | null;
    request: BatchOrder;
    createdAt: string;
    selectedAt: string | null;
    endedAt: string | null;
  }>(
    `UPDATE perdure.batches SET begun_at = coalesce(begun_at, date_trunc('milliseconds', clock_timestamp()))
      WHERE batch_id = $1
     RETURNING user_id AS user, request, created_at AS "createdAt", selected_at AS "selectedAt", ended_at AS "endedAt"`,
    [id],
  );
  if (!row) return null;
  const { user, request, ...times } = row;
  const order = { ...request, filter: { ...request.filter, user: user ?? undefined } } as BatchOrder;
  return { id, order, ...times };
}

/** For workers: the batches that are in progress, the oldest first. */
export async function listOpenBatches(db: Db, limit: number): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    `SELECT batch_id AS id FROM perdure.batches WHERE ended_at IS NULL ORDER BY created_at LIMIT $1`,
    [limit],
  );
  return rows.map(({ id }) => id);
}
