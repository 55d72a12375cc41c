import type { UsageBy, UsageLine } from '../../../contracts/usage.ts';
import { costRecordOf } from '../../log/sums.ts';

/** First and last day, UTC, `YYYY-MM-DD`, both inclusive. */
export interface UsageSpan {
  readonly from: string;
  readonly to: string;
}

/** A row of {@link SUMS_OF_DAYS} or {@link SUMS_OF_CALLS} with its key. */
export interface UsageSums {
  readonly key: string | null;
  readonly calls: number;
  readonly failed_calls: number;
  readonly unmetered_calls: number;
  readonly unpriced_calls: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cached_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_nanos: number;
  readonly estimated_calls: number;
  readonly estimated_input_tokens: number;
  readonly estimated_output_tokens: number;
  readonly estimated_nanos: number;
}

/** Limit of lines in a report: the most expensive ones. The total covers all. */
export const MAX_USAGE_LINES = 1_000;

/** The key of a line, as SQL over `usage_days`. */
const KEYS: Readonly<Record<Exclude<UsageBy, 'session'> | 'nothing', string>> = {
  day: `to_char(day, 'YYYY-MM-DD')`,
  agent: 'agent',
  model: 'model',
  user: 'user_id',
  nothing: `NULL::text`,
};

/** Columns of sums over `usage_days`. */
export const SUMS_OF_DAYS = [
  ...['calls', 'failed_calls', 'unmetered_calls', 'unpriced_calls', 'estimated_calls'].map((column) =>
    sum(column, 'integer'),
  ),
  ...[
    'input_tokens',
    'output_tokens',
    'cached_tokens',
    'reasoning_tokens',
    'cost_nanos',
    'estimated_input_tokens',
    'estimated_output_tokens',
    'estimated_nanos',
  ].map((column) => sum(column, 'float8')),
].join(', ');

/** The same columns over `model_calls`. Its condition must include {@link IS_COUNTED}. */
export const SUMS_OF_CALLS = `
           count(*)::integer AS calls,
           count(*) FILTER (WHERE outcome <> 'completed')::integer AS failed_calls,
           count(*) FILTER (WHERE input_tokens IS NULL OR output_tokens IS NULL)::integer AS unmetered_calls,
           count(*) FILTER (WHERE cost_nanos IS NULL)::integer AS unpriced_calls,
           coalesce(sum(input_tokens), 0)::float8 AS input_tokens,
           coalesce(sum(output_tokens), 0)::float8 AS output_tokens,
           coalesce(sum(cached_tokens), 0)::float8 AS cached_tokens,
           coalesce(sum(reasoning_tokens), 0)::float8 AS reasoning_tokens,
           coalesce(sum(cost_nanos), 0)::float8 AS cost_nanos,
           count(*) FILTER (WHERE estimated_input_tokens IS NOT NULL OR estimated_nanos IS NOT NULL)::integer AS estimated_calls,
           coalesce(sum(estimated_input_tokens), 0)::float8 AS estimated_input_tokens,
           coalesce(sum(estimated_output_tokens), 0)::float8 AS estimated_output_tokens,
           coalesce(sum(estimated_nanos), 0)::float8 AS estimated_nanos`;

/** Selects the rows of `model_calls` that the user's days count: settled calls that were made. */
export const IS_COUNTED = `outcome <> 'running' AND made`;

/** Returns a query of sums over days. `$1` and `$2` are the first and last day; `where` is a further condition. */
export function sumsOfDays(by: keyof typeof KEYS, where: string): string {
  return `
    SELECT ${KEYS[by]} AS key, ${SUMS_OF_DAYS}
      FROM perdure.usage_days
     WHERE day BETWEEN $1::date AND $2::date AND ${where}
     GROUP BY 1
     ORDER BY ${by === 'day' ? 'key' : 'sum(cost_nanos) DESC, sum(input_tokens + output_tokens) DESC, key'}
     LIMIT ${MAX_USAGE_LINES}`;
}

function sum(column: string, type: string): string {
  return `coalesce(sum(${column}), 0)::${type} AS ${column}`;
}

/** Converts sums to a line of a report. */
export function usageLineOf(sums: UsageSums): UsageLine {
  return {
    key: sums.key,
    calls: sums.calls,
    failedCalls: sums.failed_calls,
    inputTokens: sums.input_tokens,
    outputTokens: sums.output_tokens,
    cachedTokens: sums.cached_tokens,
    reasoningTokens: sums.reasoning_tokens,
    unmeteredCalls: sums.unmetered_calls,
    ...costRecordOf(sums),
  };
}

export const NO_SUMS: UsageSums = {
  key: null,
  calls: 0,
  failed_calls: 0,
  unmetered_calls: 0,
  unpriced_calls: 0,
  input_tokens: 0,
  output_tokens: 0,
  cached_tokens: 0,
  reasoning_tokens: 0,
  cost_nanos: 0,
  estimated_calls: 0,
  estimated_input_tokens: 0,
  estimated_output_tokens: 0,
  estimated_nanos: 0,
};
