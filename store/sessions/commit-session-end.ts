import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { restoreRows } from './archive-session.ts';
import { withArchive, type LoadedArchive } from './session-archive.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelRuns } from '../runs/cancel-runs.ts';
import type { KeptText } from '../runs/commit-reply.ts';
import type { Db } from '../db/db.ts';
import { loadOpenRuns } from '../runs/load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';

export interface SessionEnd {
  readonly status: 'completed' | 'failed';
  readonly reason: string | null;
  /** The text of the session's attempt, as the live channel keeps it. Default: none. */
  readonly kept?: KeptText | null;
}

interface CommittedEnd {
  readonly events: PerdureEvent[];
  readonly cancelledRuns: string[];
}

/** Cancels every open run and ends the session, in one transaction. Restores an archived session first. Does nothing when the session has this status and no open run. Throws `not_found`, and `session_ended` if a completed session would become failed, which a message reopens. */
export async function commitSessionEnd(db: Db, key: SessionKey, end: SessionEnd): Promise<CommittedEnd> {
  return await withArchive(db, key, [], async (archive) => await endOnce(db, key, end, archive));
}

async function endOnce(
  db: Db,
  key: SessionKey,
  { status, reason, kept = null }: SessionEnd,
  archive: LoadedArchive | null,
): Promise<CommittedEnd> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  const ended = await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    if (session.row.status === 'archived') runAfterCommit = await restoreRows(db, tx, session, archive);
    const open = await loadOpenRuns(tx, key);
    if (session.row.status === status && open.length === 0) return { events: [], cancelledRuns: [] };
    if (session.row.status === 'completed' && status === 'failed') throw hasEnded(key);
    const pending = pendingEvents(session);
    const cancelled = await cancelRuns(tx, session, pending, open, 'session_ended', kept);
    pending.add({ type: 'session.ended', status, reason }, null);
    session.row.status = status;
    session.row.end_reason = reason;
    const events = await appendEvents(tx, session, pending, cancelled);
    return { events, cancelledRuns: cancelled.runs.map(({ run_id }) => run_id) };
  });
  await runAfterCommit?.();
  return ended;
}

function hasEnded(key: SessionKey): PerdureError {
  return new PerdureError(
    'session_ended',
    `The session ${JSON.stringify(key.session)} has ended as completed, so it cannot end as failed.`,
  );
}
