import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { closeRun, stoppedEnd, type PartialReply, type RunEnd } from './close-run.ts';
import { commitKeptText, type KeptText } from './commit-reply.ts';
import type { Db, Tx } from '../db/db.ts';
import { eventTypeCondition } from '../log/event-type-condition.ts';
import { loadRun, type LoadedRun } from './load-run.ts';
import { withdrawItems } from '../items/withdraw-items.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { isOpen } from '../../core/session/open-status.ts';
import { reportCall } from './report-call.ts';
import { cancelWaits } from './waits.ts';

export interface CommitRunEnd {
  readonly runId: string;
  /**
   * The run's ordinal as the caller has read it. A run that was resumed since has another ordinal and is left unchanged; so is, by a
   * failure, one that has gone on after waiting. Default: any.
   */
  readonly ordinal?: number;
  readonly end: RunEnd;
  /** Dropped when a later attempt was claimed. */
  readonly partial: PartialReply | null;
  /** The text of the run's attempt, for a run that is cancelled without a report of its worker. Default: none. */
  readonly kept?: KeptText | null;
  /** Whether the session fails together with the run. */
  readonly failSession: boolean;
}

export interface RunEndCommit {
  /** The current status. If the run had ended before, its committed status wins. */
  readonly status: RunStatus;
  readonly session: SessionStatus;
  readonly events: PerdureEvent[];
}

const ENDS_RUN = eventTypeCondition('e.type', ({ run }) => run === 'end');

/** Ends a queued, running or waiting run as failed or cancelled, the latter for the reason that was recorded first. Leaves a run that has ended unchanged. Throws `not_found`. */
export async function commitRunEnd(
  db: Db,
  key: SessionKey,
  { runId, ordinal, end, partial, kept = null, failSession }: CommitRunEnd,
): Promise<RunEndCommit> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const loaded = await loadRun(tx, key, runId);
    const { run, step, openCalls } = loaded;
    const over = !isOpen(run.status) || (ordinal !== undefined && (await isStale(tx, key, loaded, { ordinal, end })));
    const pending = pendingEvents(session);
    if (over) {
      const late = partial && (await reportCall(tx, session, loaded, partial, stoppedEnd(partial)));
      if (late && late.modelCalls.length > 0) await appendEvents(tx, session, pending, { runs: [run], ...late });
      // A slot that was requested after the run's end has left a wait.
      if (!isOpen(run.status)) await cancelWaits(tx, key, [runId]);
      return { status: run.status, session: session.row.status, events: [] };
    }
    const inbox = await withdrawItems(tx, session, pending, [loaded]);
    if (partial === null && end.status === 'cancelled') await commitKeptText(tx, session, pending, loaded, kept);
    const calls = closeRun(session, pending, loaded, withStopReason(end, run), partial);
    if (failSession && session.row.status === 'active') {
      const reason = end.status === 'failed' ? end.error.detail : end.reason;
      session.row.status = 'failed';
      session.row.end_reason = reason;
      pending.add({ type: 'session.failed', runId, reason }, null);
    }
    const steps = step?.committed ? [step] : [];
    const events = await appendEvents(tx, session, pending, {
      runs: [run],
      steps,
      toolCalls: openCalls,
      inbox,
      ...calls,
    });
    await cancelWaits(tx, key, [runId]);
    return { status: run.status, session: session.row.status, events };
  });
}

/**
 * Whether an end was meant for an earlier period of a run that is open. An answer gives a run that waits another ordinal, and so does a
 * resume. A cancel is still meant for it after an answer: since it was requested, the run has not ended.
 */
async function isStale(
  tx: Tx,
  key: SessionKey,
  { run }: LoadedRun,
  { ordinal, end }: Required<Pick<CommitRunEnd, 'ordinal' | 'end'>>,
): Promise<boolean> {
  if (ordinal === run.ordinal) return false;
  if (end.status !== 'cancelled') return true;
  // A resume clears it.
  if (run.stop_reason !== null) return false;
  const ends = await tx.query(
    `SELECT 1 FROM perdure.events e
      WHERE e.user_id = $1 AND e.session_id = $2 AND e.run_id = $3 AND (${ENDS_RUN}) LIMIT 1`,
    [key.user, key.session, run.run_id],
  );
  return ends.length > 0;
}

/** The recorded reason has precedence: an activity that Temporal cancels does not receive one. */
function withStopReason(end: RunEnd, { stop_reason: recorded }: LoadedRun['run']): RunEnd {
  return end.status === 'cancelled' && recorded !== null ? { ...end, reason: recorded } : end;
}
