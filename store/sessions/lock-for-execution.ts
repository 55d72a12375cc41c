import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelRuns } from '../runs/cancel-runs.ts';
import type { Tx } from '../db/db.ts';
import { loadRun } from '../runs/load-run.ts';
import { clearStopReasons } from '../runs/stop/stop-reason.ts';
import { lockSession, type LockedSession } from '../log/lock-session.ts';
import { refuseClaimed } from '../rows/row-claims.ts';

export interface ExecutionLock {
  /** Null when there is no such session. */
  readonly session: LockedSession | null;
  /** Events that were appended while locking. Publish them before any later ones. */
  readonly events: readonly PerdureEvent[];
}

/**
 * Locks a session on behalf of a workflow execution (`execution`; null when it has loaded its state before). If the
 * execution before it was lost after it admitted an interrupting message and before it stopped the interrupted run,
 * that run is cancelled here: nothing else would stop it. Throws `store_unavailable` for a session that is being imported or
 * deleted: its rows in other tables are not to be read.
 */
export async function lockForExecution(tx: Tx, key: SessionKey, execution: string | null): Promise<ExecutionLock> {
  const session = await lockSession(tx, key);
  if (!session) await refuseClaimed(tx, key);
  if (!session || execution === null || session.row.execution === execution) return { session, events: [] };
  // The stops that the earlier execution requested are not carried out by this one.
  await clearStopReasons(tx, key, null);
  const interrupted = await tx.query<{ run_id: string }>(
    `SELECT DISTINCT m.interrupts AS run_id
       FROM perdure.runs u
       JOIN perdure.messages m ON m.user_id = $1 AND m.session_id = $2 AND m.run_id = u.run_id
       JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = $2 AND r.run_id = m.interrupts
      WHERE u.user_id = $1 AND u.session_id = $2 AND u.urgent AND u.resumes = 0 AND u.status = 'queued' AND r.status = 'running'`,
    [key.user, key.session],
  );
  if (interrupted.length === 0) return { session, events: [] };
  const loaded = [];
  for (const { run_id } of interrupted) loaded.push(await loadRun(tx, key, run_id));
  const pending = pendingEvents(session);
  const cancelled = await cancelRuns(tx, session, pending, loaded, 'interrupted');
  const events = await appendEvents(tx, session, pending, cancelled);
  // Locked again to read the new head, after which the caller appends.
  return { session: await lockSession(tx, key), events };
}
