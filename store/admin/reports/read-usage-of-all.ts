import type { UsageBy, UsageReport } from '../../../contracts/usage.ts';
import type { Db } from '../../db/db.ts';
import {
  NO_SUMS,
  sumsOfDays,
  usageLineOf,
  type UsageSpan,
  type UsageSums,
} from '../../read/statistics/usage-report.ts';

/** For operators: reads the usage of all users' model calls, by day, agent, model or user. */
export async function readUsageOfAll(
  db: Db,
  { by, from, to }: UsageSpan & { readonly by: Exclude<UsageBy, 'session'> },
): Promise<UsageReport> {
  const [sum = NO_SUMS] = await db.query<UsageSums>(sumsOfDays('nothing', 'true'), [from, to]);
  const lines = await db.query<UsageSums>(sumsOfDays(by, 'true'), [from, to]);
  return { user: null, by, from, to, data: lines.map(usageLineOf), total: usageLineOf(sum) };
}
