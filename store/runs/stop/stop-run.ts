import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { RunStatus, StopReason } from '../../../contracts/session/run.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { isOpen } from '../../../core/session/open-status.ts';
import type { Db } from '../../db/db.ts';
import { appendEvents } from '../../log/append-events.ts';
import { lockSession } from '../../log/lock-session.ts';
import { pendingEvents } from '../../log/pending-events.ts';
import { cancelRuns } from '../cancel-runs.ts';
import { findRun } from '../load-run.ts';
import { markStop } from './stop-reason.ts';

/** A run whose stop was requested. */
export interface StoppedRun {
  readonly key: SessionKey;
  readonly runId: string;
  /** After the request; null if there is no such run. */
  readonly status: RunStatus | null;
  /** Of its end, if no activity was executing it. */
  readonly events: PerdureEvent[];
}

/**
 * Stops an open run for the reason that was recorded first. One that an activity is executing gets the reason, and that activity ends
 * it. One that is queued or waits is cancelled by this transaction: an answer that arrives at the same moment either precedes it, and its
 * run is cancelled, or finds a run that has ended.
 */
export async function stopRun(db: Db, key: SessionKey, runId: string, reason: StopReason): Promise<StoppedRun> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    const loaded = session && (await findRun(tx, key, runId));
    if (!loaded) return { key, runId, status: null, events: [] };
    const { run } = loaded;
    if (!isOpen(run.status)) return { key, runId, status: run.status, events: [] };
    if (run.status === 'running') {
      await markStop(tx, key, runId, reason);
      return { key, runId, status: run.status, events: [] };
    }
    const pending = pendingEvents(session);
    const cancelled = await cancelRuns(tx, session, pending, [loaded], run.stop_reason ?? reason);
    return { key, runId, status: run.status, events: await appendEvents(tx, session, pending, cancelled) };
  });
}
