import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { closeRun, settleStoppedCall, type PartialReply, type RunEnd } from './close-run.ts';
import type { Db } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { isOpen } from '../log/rows.ts';
import { cancelWaits } from './waits.ts';

export interface CommitRunEnd {
  readonly runId: string;
  /** The run's ordinal as the caller has read it. A run that was resumed since has another ordinal and is left unchanged. Default: any. */
  readonly ordinal?: number;
  readonly end: RunEnd;
  /** Dropped when a later attempt was claimed. */
  readonly partial: PartialReply | null;
  /** Whether the session fails together with the run. */
  readonly failSession: boolean;
}

export interface RunEndCommit {
  /** The current status. If the run had ended before, its committed status wins. */
  readonly status: RunStatus;
  readonly session: SessionStatus;
  readonly events: PerdureEvent[];
}

/** Ends a queued or running run as failed or cancelled. Leaves a run that has ended unchanged. Throws `not_found`. */
export async function commitRunEnd(
  db: Db,
  key: SessionKey,
  { runId, ordinal, end, partial, failSession }: CommitRunEnd,
): Promise<RunEndCommit> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const loaded = await loadRun(tx, key, runId);
    const { run, step, openCalls } = loaded;
    const over = !isOpen(run.status) || (ordinal !== undefined && ordinal !== run.ordinal);
    const pending = pendingEvents(session);
    if (over) {
      const late = settleStoppedCall(session, loaded, partial);
      if (late.modelCalls.length > 0) await appendEvents(tx, session, pending, { runs: [run], ...late });
      return { status: run.status, session: session.row.status, events: [] };
    }
    const calls = closeRun(session, pending, loaded, end, partial);
    if (failSession && session.row.status === 'active') {
      const reason = end.status === 'failed' ? end.error.detail : end.reason;
      session.row.status = 'failed';
      session.row.end_reason = reason;
      pending.add({ type: 'session.failed', runId, reason }, null);
    }
    const steps = step?.committed ? [step] : [];
    const events = await appendEvents(tx, session, pending, { runs: [run], steps, toolCalls: openCalls, ...calls });
    await cancelWaits(tx, key, [runId]);
    return { status: run.status, session: session.row.status, events };
  });
}
