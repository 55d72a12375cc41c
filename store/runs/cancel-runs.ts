import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { RunRow, ToolCallRow } from '../log/rows.ts';
import { closeRun } from './close-run.ts';
import { loadOpenRuns, type LoadedRun } from './load-run.ts';
import { cancelWaits } from './waits.ts';

/** Cancels open runs and removes them from their providers' queues. Returns the rows to append with the events. The caller holds the session's lock. */
export async function cancelRuns(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  open: readonly LoadedRun[],
  reason: string,
): Promise<{ readonly runs: readonly RunRow[]; readonly toolCalls: readonly ToolCallRow[] }> {
  for (const loaded of open) closeRun(session, pending, loaded, { status: 'cancelled', reason }, null);
  const runs = open.map(({ run }) => run);
  if (runs.length > 0) {
    const runIds = runs.map(({ run_id }) => run_id);
    await cancelWaits(tx, session.key, runIds);
  }
  return { runs, toolCalls: open.flatMap(({ openCalls }) => openCalls) };
}

/** Cancels every open run of a session and appends the events. The caller holds the session's lock, and must lock it again to append more. */
export async function cancelOpenRuns(tx: Tx, session: LockedSession, reason: string): Promise<PerdureEvent[]> {
  const open = await loadOpenRuns(tx, session.key);
  if (open.length === 0) return [];
  const pending = pendingEvents(session);
  return await appendEvents(tx, session, pending, await cancelRuns(tx, session, pending, open, reason));
}
