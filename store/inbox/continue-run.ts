import type { LockedSession } from '../log/lock-session.ts';
import type { RunRow, ToolCallRow } from '../log/rows.ts';

/**
 * Queues a waiting run again if it has work: a call to execute, or no call that waits. It goes before the other queued runs. The new ordinal
 * distinguishes it from the run that the workflow has seen wait. Returns whether it was queued. The caller saves the rows.
 */
export function continueRun(session: LockedSession, run: RunRow, openCalls: readonly ToolCallRow[]): boolean {
  if (run.status !== 'waiting') return false;
  const statuses = openCalls.map(({ status }) => status);
  const hasWork = statuses.some((status) => status === 'pending' || status === 'running');
  if (!hasWork && statuses.includes('waiting')) return false;
  session.row.last_ordinal += 1;
  run.ordinal = session.row.last_ordinal;
  run.urgent = true;
  run.status = 'queued';
  run.resumes += 1;
  return true;
}
