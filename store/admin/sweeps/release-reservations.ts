import { sessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import {
  isOrphanedCall,
  releaseReservation,
  REPORT_DEADLINE_MS,
  type ReleasedReservation,
} from '../../runs/release-reservation.ts';

export interface ReleaseOptions {
  /** Restricts the release to one user's sessions. Default: all users. */
  readonly user?: string | null;
  /** Minimum time since the end of the run; until then the call may still be reported. Default 600,000 ms. */
  readonly olderThanMs?: number;
  /** Maximum number of calls. Default 1,000. */
  readonly limit?: number;
}

interface OrphanedRun {
  readonly user_id: string;
  readonly session_id: string;
  readonly run_id: string;
}

/**
 * For workers: releases the reservations of model calls whose outcome was not reported by `olderThanMs` after the end
 * of their run. Their tokens and cost stay unknown; each session gets a `budget.released`. Safe to repeat and to run
 * concurrently. `failed`: calls that could not be released and are left for the next time. `more`: there may be others.
 */
export async function releaseReservations(
  db: Db,
  { user = null, olderThanMs = REPORT_DEADLINE_MS, limit = 1_000 }: ReleaseOptions = {},
): Promise<{ readonly released: ReleasedReservation[]; readonly failed: number; readonly more: boolean }> {
  const vanished = await db.query<OrphanedRun>(FIND, [user, olderThanMs, limit]);
  const released: ReleasedReservation[] = [];
  let failed = 0;
  for (const { user_id, session_id, run_id } of vanished) {
    const key = sessionKey(user_id, session_id);
    try {
      const one = await db.transaction(async (tx) => await releaseReservation(tx, key, run_id));
      if (one) released.push(one);
    } catch {
      failed += 1;
    }
  }
  return { released, failed, more: vanished.length === limit && released.length > 0 };
}

const FIND = `
  SELECT c.user_id, c.session_id, c.run_id
    FROM perdure.model_calls c
    JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
   WHERE ($1::text IS NULL OR c.user_id = $1) AND ${isOrphanedCall('$2')}
   ORDER BY c.started_at
   LIMIT $3`;
