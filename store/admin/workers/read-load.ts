import type { BegunRuns, LoadSample } from '../../../core/load/load-window.ts';
import type { Db } from '../../db/db.ts';
import { isHeld } from '../../runs/held-runs.ts';

/** Workers that were seen in so many seconds are read: one that is late with its lease, or has just stopped, has begun runs too. */
const SEEN_S = 60;

/** For gateways: the admitted runs of all users that have not begun, and what their workers have begun. */
export async function readLoad(db: Db): Promise<Pick<LoadSample, 'waiting' | 'begun'>> {
  const [rows] = await db.query<{ waiting: [string, number][]; begun: [string, BegunRuns | null][] }>(
    `SELECT (SELECT coalesce(jsonb_agg(jsonb_build_array(user_id, waiting)), '[]')
               FROM (SELECT user_id, count(*)::int AS waiting FROM perdure.runs q
                      WHERE status = 'queued' AND NOT ${isHeld('q')} GROUP BY user_id) AS users) AS waiting,
            (SELECT coalesce(jsonb_agg(jsonb_build_array(worker_id, begun)), '[]') FROM perdure.workers
              WHERE renewed_at > clock_timestamp() - make_interval(secs => ${SEEN_S})) AS begun`,
    [],
  );
  return { waiting: new Map(rows?.waiting), begun: new Map(rows?.begun) };
}
