import type { Db } from '../../db/db.ts';
import { sessionStatsAcross, type SessionStatsPage, type SessionStatsRequest } from './session-stats.ts';

/** Reads run statistics and usage per session of a user, newest activity first. Throws `invalid_request` for an invalid cursor. */
export async function readSessionStats(db: Db, user: string, request: SessionStatsRequest): Promise<SessionStatsPage> {
  return sessionStatsAcross(db, user, request);
}
