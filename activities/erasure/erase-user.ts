import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { ErasureStep } from '../../contracts/admin/erasure.ts';
import { PerdureError } from '../../contracts/errors.ts';
import {
  countExecutions,
  endErasure,
  readErasure,
  recordErasure,
  type ErasedCounts,
} from '../../store/admin/erasure/erasures.ts';
import { countUserRows } from '../../store/admin/erasure/erase-rows.ts';
import type { EraseUserInput } from '../shared/contract.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { heartbeat } from '../shared/heartbeat.ts';
import type { ErasureTask } from './eraser.ts';
import { forgetCopies } from './forget-copies.ts';
import { ERASERS } from './erasers.ts';

/** Time between two scans. Temporal's list and its deletions are eventually consistent. */
const SCAN_EVERY_MS = 2_000;
/** An attempt that has found something for so long ends; the next one begins again. */
const MAX_SCANS = 60;

/**
 * Erases everything that is stored of a user, place by place, and scans all places until they are empty twice in a row. An attempt
 * that was interrupted is repeated: what is erased is not there any more. Neither its input nor its failures name the user.
 */
export async function eraseUser(deps: ActivityDeps, { erasureId: id }: EraseUserInput): Promise<void> {
  using _beat = heartbeat(1_000);
  const { db } = deps;
  const { user } = (await readErasure(db, id)) ?? { user: null };
  // It has ended before.
  if (user === null) return;
  const signal = Context.current().cancellationSignal;
  const executions = deps.userExecutions(user, (runIds) => countExecutions(db, id, runIds));
  const task: ErasureTask = { id, user, deps, executions, signal, forgotten: [] };
  for (const { step, erase } of ERASERS) {
    await attempt(deps, id, step, async () => {
      await recordErasure(db, id, { step });
      await erase(task);
    });
  }
  await attempt(deps, id, 'verify', () => verify(task));
}

/** Records the reason of a failure, for the report, and throws one that names only its code. */
async function attempt(deps: ActivityDeps, id: string, step: ErasureStep, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const code = error instanceof PerdureError ? error.code : 'internal';
    const reason = error instanceof PerdureError ? error.message : `The step failed (${nameOf(error)}). See the log.`;
    deps.telemetry.log.warn(`The step ${step} of an erasure failed and is repeated`, { code });
    await recordErasure(deps.db, id, { step, error: reason.slice(0, 500) }).catch(() => {});
    throw ApplicationFailure.create({ type: code, message: `The step ${step} of the erasure failed (${code}).` });
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown error';
}

async function verify(task: ErasureTask): Promise<void> {
  const { id, deps, signal } = task;
  await recordErasure(deps.db, id, { step: 'verify' });
  let left: ErasedCounts = {};
  for (let [scan, empty] = [0, 0]; scan < MAX_SCANS; scan += 1) {
    left = await scanAll(task);
    empty = Object.keys(left).length === 0 ? empty + 1 : 0;
    // With the rows counted in the transaction that ends it: nothing is added of the user before.
    if (empty === 2) {
      // An activity that was stopped may have left a copy since.
      await forgetCopies(task.deps.live, task.forgotten);
      if (await endIfEmpty(task)) return;
    }
    if (empty === 0 && Object.keys(left).some((place) => !place.startsWith('temporal.'))) await eraseAgain(task);
    await delay(SCAN_EVERY_MS, undefined, { signal });
  }
  const places = Object.entries(left).map(([place, count]) => `${place}: ${count}`);
  throw new PerdureError(
    'store_unavailable',
    `Something is left of the user or was added again (${places.join(', ')}). The erasure goes on.`,
  );
}

async function scanAll(task: ErasureTask): Promise<ErasedCounts> {
  let left: ErasedCounts = {};
  for (const { remaining } of ERASERS) left = { ...left, ...(await remaining?.(task)) };
  return left;
}

/** Erases what an activity that was stopped has written last. */
async function eraseAgain(task: ErasureTask): Promise<void> {
  for (const { step, erase } of ERASERS) {
    if (step === 'stop' || step === 'temporal') continue;
    await erase(task);
  }
}

async function endIfEmpty({ deps, id, user }: ErasureTask): Promise<boolean> {
  return await deps.db.transaction(async (tx) => {
    if (Object.keys(await countUserRows(tx, user)).length > 0) return false;
    await endErasure(tx, id);
    return true;
  });
}
