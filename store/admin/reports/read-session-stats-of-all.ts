import type { Db } from '../../db/db.ts';
import {
  sessionStatsAcross,
  type SessionStatsPage,
  type SessionStatsRequest,
} from '../../read/statistics/session-stats.ts';

/** For operators: reads run statistics and usage per session of all users, newest activity first. Throws `invalid_request` for an invalid cursor. */
export async function readSessionStatsOfAll(db: Db, request: SessionStatsRequest): Promise<SessionStatsPage> {
  return sessionStatsAcross(db, null, request);
}
