import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import {
  addItems,
  beginItems,
  completeBatch,
  endItem,
  readPosition,
  type PendingItem,
} from '../../store/admin/batches/batch-items.ts';
import { loadBatch, type StoredBatch } from '../../store/admin/batches/batches.ts';
import { findTargets } from '../../store/admin/batches/find-targets.ts';
import type { RunBatchInput, RunBatchOutput } from '../shared/contract.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import { changeTarget } from './change-target.ts';

/** After which the activity returns, so that another worker may go on. */
const SLICE_MS = 10 * 60_000;
/** Runs or sessions that are changed side by side. */
const AT_ONCE = 8;

/**
 * Executes a batch for a slice of time: selects what matches, page by page, then changes one after the other at the rate of the batch. The
 * store has the progress: an attempt that was interrupted is repeated, and goes on from there. Its input and its failures name no user.
 */
export async function runBatch(deps: ActivityDeps, { batchId: id }: RunBatchInput): Promise<RunBatchOutput> {
  using _beat = heartbeat(1_000);
  const { cancellationSignal: signal } = Context.current();
  const batch = await loadBatch(deps.db, id);
  if (batch === null || batch.endedAt !== null) return { more: false };
  if (batch.selectedAt === null) await select(deps, batch, signal);
  const until = performance.now() + SLICE_MS;
  while (performance.now() < until) {
    signal.throwIfAborted();
    const items = await beginItems(deps.db, id, AT_ONCE);
    if (items.length === 0) {
      await completeBatch(deps.db, id);
      return { more: false };
    }
    await Promise.all([changeAll(deps, batch, items), delay((items.length * 1_000) / batch.order.perSecond)]);
  }
  return { more: true };
}

async function select({ db }: ActivityDeps, { id, order, createdAt }: StoredBatch, signal: AbortSignal): Promise<void> {
  for (let more = true; more;) {
    signal.throwIfAborted();
    const after = await readPosition(db, id);
    const { targets, next } = await findTargets(db, order, { asOf: createdAt, cursor: after });
    more = await addItems(db, id, { after, targets, next });
  }
}

async function changeAll(deps: ActivityDeps, batch: StoredBatch, items: readonly PendingItem[]): Promise<void> {
  const { id, order, createdAt: asOf } = batch;
  await Promise.all(
    items.map(async (item) => {
      await endItem(deps.db, id, item.item, await changeTarget(deps, { order, asOf }, item));
    }),
  );
}
