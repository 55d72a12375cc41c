import type { StatsBy } from '../../../contracts/stats.ts';
import type { Db } from '../../db/db.ts';
import { reportStats, type StatsRange, type StatsReport } from '../../read/statistics/stats-report.ts';

/** For operators: reads run statistics and usage of all users, by user, agent or day. */
export async function readStatsOfAll(db: Db, by: Exclude<StatsBy, 'session'>, range: StatsRange): Promise<StatsReport> {
  return reportStats(db, by, range, null);
}
