import type { StatsBy } from '../../../contracts/stats.ts';
import type { Db } from '../../db/db.ts';
import { reportStats, type StatsRange, type StatsReport } from './stats-report.ts';

/** Reads run statistics and usage of a user, by agent or day, with totals. Percentiles are accurate to 10 %. */
export async function readStats(
  db: Db,
  user: string,
  by: Exclude<StatsBy, 'session'>,
  range: StatsRange,
): Promise<StatsReport> {
  return reportStats(db, by, range, user);
}
