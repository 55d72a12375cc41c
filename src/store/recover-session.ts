import type { EventLog } from './append-events.ts';
import type { LockedSession } from './lock-session.ts';

/**
 * Notes which workflow start asks now. Another one than before, while runs are open, means that a workflow was
 * lost: the transcript says so, once for each start. False when nothing changed.
 */
export function noteExecution(
  session: LockedSession,
  log: EventLog,
  execution: string | null,
  openRuns: number,
): boolean {
  const { row } = session;
  if (execution === null || row.execution === execution) return false;
  row.execution = execution;
  if (openRuns > 0) log.add({ type: 'session.recovered', reason: 'workflow_lost' }, `recovered:${execution}`);
  return true;
}

/** Makes a failed, expired or archived session active again. */
export function reopen({ row, at }: LockedSession, log: EventLog): void {
  if (row.status === 'active') return;
  log.add({ type: 'session.recovered', reason: row.status === 'archived' ? 'restored' : 'reopened' }, null);
  row.status = 'active';
  row.end_reason = null;
  row.opened_at = at;
}
