import type { StatsBy } from '../../contracts/stats.ts';
import type { Db } from '../db/db.ts';
import { reportStats, type StatsRange, type StatsReport } from './stats-report.ts';

/** How a user's runs went and what they used, for each agent or day, or all of them. Percentiles are within 10 %. */
export async function readStats(
  db: Db,
  user: string,
  by: Exclude<StatsBy, 'session'>,
  range: StatsRange,
): Promise<StatsReport> {
  return reportStats(db, by, range, user);
}
