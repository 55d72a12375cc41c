import { sessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import {
  isOrphanedCall,
  releaseReservations as releaseOfRun,
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
 * For workers: releases reservations that older versions have left held, of model calls that have ended or were not
 * reported by `olderThanMs` after the end of their run. The calls are charged estimates; each session gets a
 * `budget.released`. Safe to repeat and to run concurrently. `failed`: runs whose calls could not be released and are
 * left for the next time. `more`: there may be others.
 */
export async function releaseReservations(
  db: Db,
  { user = null, olderThanMs = REPORT_DEADLINE_MS, limit = 1_000 }: ReleaseOptions = {},
): Promise<{ readonly released: ReleasedReservation[]; readonly failed: number; readonly more: boolean }> {
  await db.query(CHARGE_DELETED, [user]);
  const vanished = await db.query<OrphanedRun>(FIND, [user, olderThanMs, limit]);
  const released: ReleasedReservation[] = [];
  let failed = 0;
  for (const { user_id, session_id, run_id } of vanished) {
    const key = sessionKey(user_id, session_id);
    try {
      released.push(...(await db.transaction(async (tx) => await releaseOfRun(tx, key, run_id, olderThanMs))));
    } catch {
      failed += 1;
    }
  }
  return { released, failed, more: vanished.length === limit && released.length > 0 };
}

const FIND = `
  SELECT DISTINCT c.user_id, c.session_id, c.run_id
    FROM perdure.model_calls c
    JOIN perdure.runs r ON r.user_id = c.user_id AND r.session_id = c.session_id AND r.run_id = c.run_id
   WHERE ($1::text IS NULL OR c.user_id = $1) AND ${isOrphanedCall('$2')}
   LIMIT $3`;

/** The same for calls whose records were deleted with their sessions: they are charged a quarter of the reservation. */
const CHARGE_DELETED = `
  UPDATE perdure.usage_days
     SET estimated_calls = estimated_calls + 1, estimated_input_tokens = estimated_input_tokens + held_tokens / 4,
         estimated_nanos = estimated_nanos + held_nanos / 4, held_nanos = 0, held_tokens = 0
   WHERE ($1::text IS NULL OR user_id = $1) AND (held_nanos > 0 OR held_tokens > 0)`;
