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
  /** Which life of the run is meant, as its {@link OpenRun} said; one that was resumed since is left alone. Default: whichever it has. */
  readonly ordinal?: number;
  readonly end: RunEnd;
  /** Dropped when a later attempt was begun. */
  readonly partial: PartialReply | null;
  /** Whether the session fails with its run. */
  readonly failSession: boolean;
}

export interface RunEndCommit {
  /** As it now is: a committed outcome beats this one. */
  readonly status: RunStatus;
  readonly session: SessionStatus;
  readonly events: PerdureEvent[];
}

/** Ends a run, queued or running, as failed or cancelled. Does nothing to one that has ended. Throws `not_found`. */
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
