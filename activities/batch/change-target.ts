import { setTimeout as delay } from 'node:timers/promises';
import type { BatchOrder } from '../../contracts/admin/batch.ts';
import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import { isOpen } from '../../core/session/open-status.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { archiveIdle } from '../../store/admin/batches/archive-idle.ts';
import type { ItemResult, PendingItem } from '../../store/admin/batches/batch-items.ts';
import { stillMatches } from '../../store/admin/batches/find-targets.ts';
import { readRun } from '../../store/read/read-run.ts';
import { readSession } from '../../store/read/read-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Attempts while Temporal, a worker or the store does not respond. */
const MAX_ATTEMPTS = 5;
const RETRY_MS = 1_000;

const DONE: ItemResult = { outcome: 'done' };

/**
 * Does the action of a batch to one run or session, if that still matches. What an earlier attempt has changed before it was interrupted counts as
 * done. A refusal is an outcome; only a store that does not respond rejects.
 */
export async function changeTarget(
  deps: ActivityDeps,
  { order, asOf }: { readonly order: BatchOrder; readonly asOf: string },
  target: PendingItem,
): Promise<ItemResult> {
  if (!(await stillMatches(deps.db, order, target, asOf))) {
    const isDone = target.begunBefore && (await isReached(deps, order, target));
    return isDone ? DONE : skipped('no_match', 'It does not match the filter any more.');
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change(deps, order, target);
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      const mayPass = ERRORS[error.code].retryable && error.code.endsWith('_unavailable');
      if (mayPass && attempt < MAX_ATTEMPTS) await delay(RETRY_MS * attempt);
      else if (error.code === 'store_unavailable') throw error;
      else return { outcome: mayPass ? 'failed' : 'skipped', code: error.code, detail: error.message.slice(0, 500) };
    }
  }
}

function skipped(code: string, detail: string): ItemResult {
  return { outcome: 'skipped', code, detail };
}

/** Whether the target has what the action is to bring about. */
async function isReached({ db }: ActivityDeps, order: BatchOrder, { key, runId }: PendingItem): Promise<boolean> {
  if (runId !== null) {
    const status = (await readRun(db, key, runId))?.status;
    return order.action === 'cancel' ? status === 'cancelled' : status !== undefined && status !== 'cancelled';
  }
  const status = (await readSession(db, key))?.status;
  return status === (order.action === 'end' ? order.status : 'archived');
}

async function change(deps: ActivityDeps, order: BatchOrder, { key, runId }: PendingItem): Promise<ItemResult> {
  const { commands } = deps;
  switch (order.action) {
    case 'cancel':
      return await cancel(deps, key, runId ?? '');
    case 'resume':
      if (runId === key.session) return skipped('one_off', 'A run without a session cannot be resumed.');
      await commands.resume(key, { runId: runId ?? '' });
      return DONE;
    case 'end': {
      const { status, reason } = order;
      await commands.end(key, { status, ...(reason === undefined ? {} : { reason }) });
      return DONE;
    }
    case 'archive':
      return await archive(deps, key);
  }
}

async function cancel({ db, commands }: ActivityDeps, key: PendingItem['key'], runId: string): Promise<ItemResult> {
  const run = { runId };
  const cancelled = await (runId === key.session ? commands.cancelRun(key, run) : commands.cancel(key, run));
  if (cancelled.runId !== null) return DONE;
  const status = (await readRun(db, key, runId))?.status;
  if (status === 'cancelled') return DONE;
  if (status === undefined || !isOpen(status)) return skipped('unchanged', `The run is ${status ?? 'deleted'}.`);
  // A signal was sent instead; the next attempt finds what became of it.
  throw new PerdureError('temporal_unavailable', 'No worker has confirmed the cancellation. Run the batch again.');
}

async function archive(deps: ActivityDeps, key: PendingItem['key']): Promise<ItemResult> {
  const archived = await archiveIdle(deps.db, key);
  switch (archived.kind) {
    case 'absent':
    case 'unchanged':
      return skipped('unchanged', archived.kind === 'absent' ? 'The session is deleted.' : 'The session is archived.');
    case 'has_open_run':
      return skipped('has_open_run', 'The session has an open run. Cancel it, or end the session, first.');
    case 'archived':
      publishAppended(deps, key, archived.events);
      if (archived.deactivated) await deps.requestExpiryCheck(key);
      void deps.live.forget?.(key);
      return DONE;
  }
}
