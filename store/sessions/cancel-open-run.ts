import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import type { Db } from '../db/db.ts';
import type { RunRow } from '../log/rows.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelRuns } from '../runs/cancel-runs.ts';
import type { KeptText } from '../runs/commit-reply.ts';
import { loadOpenRuns, type LoadedRun } from '../runs/load-run.ts';
import { orderOpenRuns } from '../runs/order-open-runs.ts';
import { lockForExecution } from './lock-for-execution.ts';
import { detectLostWorkflow } from './recover-session.ts';

export interface CancelOpenRun {
  /** Null: the run that is executing, or that would execute next. */
  readonly runId: string | null;
  /** Id of the workflow execution, if it has not loaded its state yet; null if it has. */
  readonly execution: string | null;
  /** Whether a run that is executing is left as it is. Default false. */
  readonly sparesRunning?: boolean;
  /** The text of the session's attempt, as the live channel keeps it. Default: none. */
  readonly kept?: KeptText | null;
}

export interface CancelledOpenRun {
  /** The run that this call has cancelled or spared; null if no such run was open. */
  readonly runId: string | null;
  /** Whether it was spared. Absent if not. */
  readonly spared?: true;
  /** Whether an activity serves the session. Absent if none does. */
  readonly served?: true;
  /** Null if there is no such session. */
  readonly session: { readonly status: SessionStatus; readonly agent: string } | null;
  /** If `execution` was given, or the cancelled run waited for an answer: the runs that are still open, in the order of execution. */
  readonly openRuns: OpenRun[];
  readonly events: PerdureEvent[];
}

/** Cancels an open run. */
export async function cancelOpenRun(
  db: Db,
  key: SessionKey,
  { runId, execution, sparesRunning = false, kept = null }: CancelOpenRun,
): Promise<CancelledOpenRun> {
  return await db.transaction(async (tx) => {
    const { session, events: before } = await lockForExecution(tx, key, execution);
    if (!session) return { runId: null, session: null, openRuns: [], events: [] };
    const open = await loadOpenRuns(tx, key);
    const ordered = orderOpenRuns(open.map(({ run }) => run));
    const id = runId ?? holderOf(open)?.run_id ?? ordered[0]?.runId;
    const found = open.find(({ run }) => run.run_id === id);
    const spared = sparesRunning && found?.run.status === 'running';
    const target = found && !spared ? [found] : [];
    const waited = found?.run.status === 'waiting' && !spared;
    const pending = pendingEvents(session);
    const executionChanged = detectLostWorkflow(session, pending, execution, open.length);
    const cancelled = await cancelRuns(tx, session, pending, target, 'cancelled', kept);
    const isChanged = executionChanged || target.length > 0;
    const events = isChanged ? await appendEvents(tx, session, pending, cancelled) : [];
    return {
      runId: found?.run.run_id ?? null,
      ...(spared ? { spared } : {}),
      ...(session.row.served_by === null ? {} : { served: true }),
      session: { status: session.row.status, agent: session.row.agent },
      openRuns: execution === null && !waited ? [] : ordered.filter((run) => spared || run.runId !== id),
      events: [...before, ...events],
    };
  });
}

/** The run that waits for an answer and holds the queue, if none is running. */
function holderOf(open: readonly LoadedRun[]): RunRow | undefined {
  if (open.some(({ run }) => run.status === 'running')) return undefined;
  return open.find(({ run }) => run.status === 'waiting' && run.holds_queue === true)?.run;
}
