import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { restoreRows } from './archive-session.ts';
import { withArchive, type LoadedArchive } from './session-archive.ts';
import type { Db, Tx } from '../db/db.ts';
import { loadOpenRuns, loadRun } from '../runs/load-run.ts';
import { clearStopReasons } from '../runs/stop/stop-reason.ts';
import { lockForExecution } from './lock-for-execution.ts';
import { noSuchSession, type LockedSession } from '../log/lock-session.ts';
import { ensureCapacity, type EvictedSession } from './ensure-capacity.ts';
import { orderOpenRuns, openRunOf } from '../runs/order-open-runs.ts';
import { detectLostWorkflow, reopen } from './recover-session.ts';
import { isOpen } from '../../core/session/open-status.ts';
import type { RunRow } from '../log/rows.ts';

export interface RequeuedRun {
  /** The resumed run. If `execution` was given: every open run, in the order of execution. */
  readonly openRuns: OpenRun[];
  readonly session: { readonly status: SessionStatus; readonly agent: string };
  readonly events: PerdureEvent[];
  /** Sessions that were expired to stay within the limits of active sessions. */
  readonly evicted: readonly EvictedSession[];
}

export interface RequeueRunInput {
  readonly runId: string;
  /** Id of the workflow execution, if it has not loaded its state yet; null if it has. */
  readonly execution: string | null;
  /** Limits of active sessions. Default: none. */
  readonly limits?: SessionLimits | undefined;
}

/**
 * Queues a failed or cancelled run again, at the end of the queue. It will continue after its last committed step.
 * Reopens or restores the session if needed. Repeating the call before the run has started changes nothing. Throws
 * `not_found`, `session_ended`, `session_limit`, `run_in_progress` and, for a completed run, `invalid_request`.
 */
export async function requeueRun(
  db: Db,
  key: SessionKey,
  { runId, execution, limits }: RequeueRunInput,
): Promise<RequeuedRun> {
  return await withArchive(
    db,
    key,
    [],
    async (archive) => await requeueOnce(db, key, { runId, execution, limits }, archive),
  );
}

async function requeueOnce(
  db: Db,
  key: SessionKey,
  { runId, execution, limits }: RequeueRunInput,
  archive: LoadedArchive | null,
): Promise<RequeuedRun> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  const resumed = await db.transaction(async (tx): Promise<RequeuedRun> => {
    const { session, events: before } = await lockForExecution(tx, key, execution);
    if (!session) throw noSuchSession(key);
    if (session.row.status === 'archived') runAfterCommit = await restoreRows(db, tx, session, archive);
    const { run } = await loadRun(tx, key, runId);
    const resumedBefore = run.status === 'queued' && run.resumes > 0;
    if (!resumedBefore) checkResumable(session, run);
    const activates = limits && session.row.status !== 'active' && session.row.kind === 'session';
    const evicted = activates ? await ensureCapacity(tx, key, limits) : [];
    const pending = pendingEvents(session);
    const open = execution === null ? [] : (await loadOpenRuns(tx, key)).map((loaded) => loaded.run);
    const executionChanged = detectLostWorkflow(session, pending, execution, open.length);
    if (!resumedBefore) {
      if (await clearForeignPin(tx, session, run)) await unpin(tx, session, run);
      await clearStopReasons(tx, key, runId);
      requeue(session, run);
    }
    reopen(session, pending);
    const events = resumedBefore && !executionChanged ? [] : await appendEvents(tx, session, pending, { runs: [run] });
    const others = open.filter(({ run_id }) => run_id !== runId);
    const openRuns = execution === null ? [openRunOf(run)] : orderOpenRuns([...others, run]);
    return {
      openRuns,
      session: { status: session.row.status, agent: session.row.agent },
      events: [...before, ...events],
      evicted,
    };
  });
  await runAfterCommit?.();
  return resumed;
}

function checkResumable({ key, row }: LockedSession, run: RunRow): void {
  const name = `The run ${JSON.stringify(run.run_id)}`;
  if (run.status === 'completed') {
    throw new PerdureError('invalid_request', `${name} is completed. Only a failed or cancelled run can be resumed.`);
  }
  if (isOpen(run.status)) {
    throw new PerdureError(
      'run_in_progress',
      `${name} is ${run.status}. Only a failed or cancelled run can be resumed.`,
    );
  }
  if (row.status === 'completed') {
    throw new PerdureError(
      'session_ended',
      `${name} belongs to the session ${JSON.stringify(key.session)}, which has ended. Send the message to another session.`,
    );
  }
}

/** Whether the run was imported with an agent version or a model that this installation does not have. The mark is removed. */
async function clearForeignPin(tx: Tx, { key }: LockedSession, { run_id }: RunRow): Promise<boolean> {
  const cleared = await tx.query(
    `UPDATE perdure.runs SET foreign_pin = false
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND foreign_pin RETURNING 1`,
    [key.user, key.session, run_id],
  );
  return cleared.length > 0;
}

/** The run will pin the current version of its agent, and call its context providers. */
async function unpin(tx: Tx, { key }: LockedSession, run: RunRow): Promise<void> {
  run.agent_version = null;
  run.model = null;
  run.fallback_models = null;
  if (run.context === null) return;
  run.context = null;
  await tx.query('DELETE FROM perdure.context_calls WHERE user_id = $1 AND session_id = $2 AND run_id = $3', [
    key.user,
    key.session,
    run.run_id,
  ]);
}

function requeue(session: LockedSession, run: RunRow): void {
  session.row.last_ordinal += 1;
  session.row.last_active_at = session.at;
  run.ordinal = session.row.last_ordinal;
  run.urgent = false;
  run.status = 'queued';
  run.error = null;
  run.ended_at = null;
  run.resumes += 1;
  run.failures = 0;
  // The run timeout starts over; otherwise a run that timed out would end at once.
  run.active_ms = 0;
}
