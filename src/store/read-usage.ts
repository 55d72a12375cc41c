import type { UsageBy, UsageReport } from '../contracts/usage.ts';
import type { Db } from './db.ts';
import { NO_SUMS, sumsOfDays, USAGE_LINES, usageLineOf, type UsageSpan, type UsageSums } from './usage-report.ts';

/** What a user's model calls used, by day, agent, model or session. */
export async function readUsage(
  db: Db,
  user: string,
  { by, from, to }: UsageSpan & { readonly by: Exclude<UsageBy, 'user'> },
): Promise<UsageReport> {
  const [sum = NO_SUMS] = await db.query<UsageSums>(sumsOfDays('nothing', 'user_id = $3'), [from, to, user]);
  const lines =
    by === 'session'
      ? await bySession(db, user, { from, to }, sum)
      : await db.query<UsageSums>(sumsOfDays(by, 'user_id = $3'), [from, to, user]);
  return { user, by, from, to, data: lines.map(usageLineOf), total: usageLineOf(sum) };
}

/** Sessions that are deleted have no records left: what is missing from the sum was theirs. */
async function bySession(db: Db, user: string, { from, to }: UsageSpan, sum: UsageSums): Promise<UsageSums[]> {
  const sums = await db.query<UsageSums>(BY_SESSION, [from, to, user]);
  const [of = NO_SUMS] = await db.query<UsageSums>(OF_SESSIONS, [from, to, user]);
  if (of.calls >= sum.calls) return sums;
  const rest = Object.entries(sum).map(([name, value]) => {
    const part = of[name as keyof UsageSums];
    return [name, typeof value === 'number' && typeof part === 'number' ? value - part : value];
  });
  return [...sums, { ...(Object.fromEntries(rest) as unknown as UsageSums), key: null }];
}

const SETTLED = `
      FROM perdure.model_calls
     WHERE user_id = $3 AND day BETWEEN $1::date AND $2::date AND outcome <> 'running'`;

const SUMS = `
           count(*)::integer AS calls,
           count(*) FILTER (WHERE outcome <> 'completed')::integer AS failed_calls,
           count(*) FILTER (WHERE input_tokens IS NULL OR output_tokens IS NULL)::integer AS unmetered_calls,
           count(*) FILTER (WHERE cost_nanos IS NULL)::integer AS unpriced_calls,
           coalesce(sum(input_tokens), 0)::float8 AS input_tokens,
           coalesce(sum(output_tokens), 0)::float8 AS output_tokens,
           coalesce(sum(cached_tokens), 0)::float8 AS cached_tokens,
           coalesce(sum(reasoning_tokens), 0)::float8 AS reasoning_tokens,
           coalesce(sum(cost_nanos), 0)::float8 AS cost_nanos`;

const BY_SESSION = `
    SELECT session_id AS key, ${SUMS} ${SETTLED}
     GROUP BY session_id
     ORDER BY cost_nanos DESC, calls DESC, key
     LIMIT ${USAGE_LINES}`;

const OF_SESSIONS = `SELECT NULL::text AS key, ${SUMS} ${SETTLED}`;
