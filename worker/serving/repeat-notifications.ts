import type { ServedSessions } from '../../activities/serving/served-sessions.ts';
import { findRequestedStops, findWaitingSessions } from '../../store/admin/workers/find-unnoticed.ts';
import type { Db } from '../../store/db/db.ts';

/**
 * Notifies the activities of this worker of what the live channel may have lost: runs that they have not begun, and stops that
 * they have not carried out.
 */
export async function repeatNotifications(db: Db, workerId: string, sessions: ServedSessions): Promise<void> {
  for (const key of await findWaitingSessions(db, workerId)) {
    for (const session of sessions.of(key)) session.look();
  }
  for (const { key, runId, reason } of await findRequestedStops(db, workerId)) {
    for (const session of sessions.of(key)) session.stop(runId, reason);
  }
}
