import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { restoreRows } from './archive-session.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelRuns } from '../runs/cancel-runs.ts';
import type { Db } from '../db/db.ts';
import { loadOpenRuns } from '../runs/load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';

export interface SessionEnd {
  readonly status: 'completed' | 'failed';
  readonly reason: string | null;
}

/** Cancels every open run and ends the session, in one transaction. Restores an archived session first. Does nothing when the session has this status and no open run. Throws `not_found`. */
export async function commitSessionEnd(
  db: Db,
  key: SessionKey,
  { status, reason }: SessionEnd,
): Promise<{ events: PerdureEvent[]; cancelledRuns: string[] }> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  const ended = await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    if (session.row.status === 'archived') runAfterCommit = await restoreRows(db, tx, session);
    const open = await loadOpenRuns(tx, key);
    if (session.row.status === status && open.length === 0) return { events: [], cancelledRuns: [] };
    const pending = pendingEvents(session);
    const cancelled = await cancelRuns(tx, session, pending, open, 'session_ended');
    pending.add({ type: 'session.ended', status, reason }, null);
    session.row.status = status;
    session.row.end_reason = reason;
    const events = await appendEvents(tx, session, pending, cancelled);
    return { events, cancelledRuns: cancelled.runs.map(({ run_id }) => run_id) };
  });
  await runAfterCommit?.();
  return ended;
}
