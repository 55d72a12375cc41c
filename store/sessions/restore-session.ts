import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionLimits } from '../../contracts/session/session-limits.ts';
import type { Db } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { restoreRows } from './archive-session.ts';
import { ensureCapacity, type EvictedSession } from './ensure-capacity.ts';
import { reopen } from './recover-session.ts';
import { withArchive } from './session-archive.ts';

export interface RestoredSession {
  readonly agent: string;
  /** Empty for a session that was not archived. */
  readonly events: PerdureEvent[];
  /** Sessions that were expired to stay within the limits of active sessions. */
  readonly evicted: readonly EvictedSession[];
}

/**
 * Restores an archived session as a message would, without one: its rows are back and it is active. Does nothing to a
 * session that is not archived. Throws `not_found` and `session_limit`.
 */
export async function restoreSession(db: Db, key: SessionKey, limits: SessionLimits): Promise<RestoredSession> {
  return await withArchive(db, key, [], async (archive) => {
    let runAfterCommit: (() => Promise<void>) | undefined;
    const restored = await db.transaction(async (tx): Promise<RestoredSession> => {
      const session = await lockExistingSession(tx, key);
      const { agent, kind } = session.row;
      if (session.row.status !== 'archived') return { agent, events: [], evicted: [] };
      const evicted = kind === 'session' ? await ensureCapacity(tx, key, limits) : [];
      runAfterCommit = await restoreRows(db, tx, session, archive);
      const pending = pendingEvents(session);
      reopen(session, pending);
      // No workflow has it: the one before ended when the session was archived, or earlier.
      session.row.execution = null;
      session.row.last_active_at = session.at;
      return { agent, events: await appendEvents(tx, session, pending), evicted };
    });
    await runAfterCommit?.();
    return restored;
  });
}
