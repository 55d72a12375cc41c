import type { PendingEvents } from '../log/pending-events.ts';
import type { LockedSession } from '../log/lock-session.ts';

/**
 * Records the calling workflow execution in the session's row. If it differs from the recorded one while the session is
 * active or has open runs, that workflow was lost: adds a `session.recovered`, once per execution. Without a recorded one, no
 * workflow has had the session since it was created or reopened. Returns whether the row changed.
 */
export function detectLostWorkflow(
  session: LockedSession,
  pending: PendingEvents,
  execution: string | null,
  openRuns: number,
): boolean {
  const { row } = session;
  if (execution === null || row.execution === execution) return false;
  // The workflow of an active session never completes by itself.
  const lost = row.execution !== null && (row.status === 'active' || openRuns > 0);
  row.execution = execution;
  // The activity of the execution before must not go on.
  row.served_by = null;
  row.epoch += 1;
  if (!lost) return true;
  pending.add({ type: 'session.recovered', reason: 'workflow_lost' }, `recovered:${execution}`);
  row.recovered = 'workflow_lost';
  return true;
}

/** Makes a failed, expired or archived session active again. Does nothing to an active one. */
export function reopen({ row, at }: LockedSession, pending: PendingEvents): void {
  if (row.status === 'active') return;
  row.recovered = row.status === 'archived' ? 'restored' : 'reopened';
  pending.add({ type: 'session.recovered', reason: row.recovered }, null);
  row.status = 'active';
  row.end_reason = null;
  row.opened_at = at;
}
