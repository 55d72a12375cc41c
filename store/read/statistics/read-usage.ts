import type { UsageBy, UsageReport } from '../../../contracts/usage.ts';
import type { Db } from '../../db/db.ts';
import { isClaimed } from '../../rows/row-claims.ts';
import {
  IS_COUNTED,
  NO_SUMS,
  SUMS_OF_CALLS,
  sumsOfDays,
  MAX_USAGE_LINES,
  usageLineOf,
  type UsageSpan,
  type UsageSums,
} from './usage-report.ts';

/** Reads the usage of a user's model calls, by day, agent, model or session. */
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

/** Deleted sessions have no records of calls: the difference to the sum over days is theirs, in a line with a null key. */
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

/** Settled model calls, and requests for vectors that runs of sessions have caused. */
const SETTLED = `
      FROM (SELECT session_id, outcome, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_nanos,
                   estimated_input_tokens, estimated_output_tokens, estimated_nanos
              FROM perdure.model_calls c
             WHERE user_id = $3 AND day BETWEEN $1::date AND $2::date AND ${IS_COUNTED} AND NOT ${isClaimed('c')}
             UNION ALL
            SELECT session_id, 'completed', input_tokens, CASE WHEN input_tokens IS NOT NULL THEN 0 END, 0, 0, cost_nanos,
                   estimated_input_tokens, 0, estimated_nanos
              FROM perdure.embedding_calls
             WHERE user_id = $3 AND day BETWEEN $1::date AND $2::date AND session_id IS NOT NULL) calls`;

const BY_SESSION = `
    SELECT session_id AS key, ${SUMS_OF_CALLS} ${SETTLED}
     GROUP BY session_id
     ORDER BY cost_nanos DESC, calls DESC, key
     LIMIT ${MAX_USAGE_LINES}`;

const OF_SESSIONS = `SELECT NULL::text AS key, ${SUMS_OF_CALLS} ${SETTLED}`;
