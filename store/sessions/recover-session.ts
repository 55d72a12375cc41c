import type { PendingEvents } from '../log/pending-events.ts';
import type { LockedSession } from '../log/lock-session.ts';

/**
 * Notes which workflow start asks now. Another one than before, of a session that is active or has runs open, means that a workflow was
 * lost: the transcript says so, once for each start. False when nothing changed.
 */
export function detectLostWorkflow(
  session: LockedSession,
  pending: PendingEvents,
  execution: string | null,
  openRuns: number,
): boolean {
  const { row } = session;
  if (execution === null || row.execution === execution) return false;
  // The workflow of an active session ends for no reason of its own.
  const lost = row.execution !== null && row.status === 'active';
  row.execution = execution;
  if (!lost && openRuns === 0) return true;
  pending.add({ type: 'session.recovered', reason: 'workflow_lost' }, `recovered:${execution}`);
  row.recovered = 'workflow_lost';
  return true;
}

/** Makes a failed, expired or archived session active again. */
export function reopen({ row, at }: LockedSession, pending: PendingEvents): void {
  if (row.status === 'active') return;
  row.recovered = row.status === 'archived' ? 'restored' : 'reopened';
  pending.add({ type: 'session.recovered', reason: row.recovered }, null);
  row.status = 'active';
  row.end_reason = null;
  row.opened_at = at;
}
