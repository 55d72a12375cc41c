import type { RunFilter } from '../../../contracts/session/list-filters.ts';
import { nanosOf } from '../../../core/money/price.ts';
import { isClaimed } from '../../rows/row-claims.ts';
import type { Conditions } from './conditions.ts';

/** Of the partial index `runs_open`. */
export const OPEN = `('queued', 'running', 'waiting')`;
/** Of the partial indexes of runs that have ended. */
export const ENDED = `('completed', 'failed', 'cancelled')`;

/** Which runs. Days are UTC, `YYYY-MM-DD`, both inclusive, of the run's admission. */
export interface RunSelection extends RunFilter {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The beginning or the end of the id. */
  readonly id?: string | undefined;
}

/** Whether the filter selects by what runs wait for, which only open ones do. */
export function isByWait({ waitingFor, minWaitMs }: Pick<RunFilter, 'waitingFor' | 'minWaitMs'>): boolean {
  return waitingFor !== undefined || minWaitMs !== undefined;
}

/**
 * Adds the conditions of the filter for the run `r`, and for its wait `w` (see `waitOf`) if it {@link isByWait}. `at`: SQL of the
 * time from which ages count. The SQL is the same for every filter, because connections keep few prepared statements; planned for its
 * values (see `boundedRead`), what is null is left out, and the planner chooses the index.
 */
export function addRunConditions({ sql, param }: Conditions, filter: RunSelection, at: string): void {
  const { status, minCostUsd, maxCostUsd } = filter;
  const given = (value: unknown, type: string, condition: (placeholder: string) => string): void => {
    const placeholder = `${param(value ?? null)}::${type}`;
    sql.push(`(${placeholder} IS NULL OR ${condition(placeholder)})`);
  };
  const ago = (ms: string): string => `${at} - make_interval(secs => ${ms} / 1000)`;
  sql.push(`NOT ${isClaimed('r')}`);
  if (status === 'open' || isByWait(filter)) sql.push(`r.status IN ${OPEN}`);
  given(status === 'open' ? null : status, 'text', (is) => `r.status = ${is}`);
  given(filter.agent, 'text', (is) => `r.agent = ${is}`);
  given(filter.agentVersion, 'text', (start) => `starts_with(r.agent_version, ${start})`);
  given(
    filter.tool,
    'text',
    (is) => `EXISTS (SELECT FROM perdure.tool_calls c WHERE c.user_id = r.user_id AND c.session_id = r.session_id
                       AND c.run_id = r.run_id AND c.tool = ${is})`,
  );
  given(filter.errorCode, 'text', (is) => `(r.status = 'failed' AND r.error ->> 'code' = ${is})`);
  given(minCostUsd === undefined ? null : nanosOf(minCostUsd), 'bigint', (least) => `r.cost_nanos >= ${least}`);
  given(maxCostUsd === undefined ? null : nanosOf(maxCostUsd), 'bigint', (most) => `r.cost_nanos <= ${most}`);
  given(filter.minAgeMs, 'float8', (ms) => `r.created_at <= ${ago(ms)}`);
  given(filter.maxAgeMs, 'float8', (ms) => `r.created_at >= ${ago(ms)}`);
  given(filter.from, 'date', (day) => `r.created_at >= ${day}::timestamp AT TIME ZONE 'UTC'`);
  given(filter.to, 'date', (day) => `r.created_at < (${day} + 1)::timestamp AT TIME ZONE 'UTC'`);
  given(filter.id, 'text', (id) => `starts_with(r.run_id, ${id}) OR right(r.run_id, length(${id})) = ${id}`);
  if (!isByWait(filter)) return;
  given(filter.waitingFor, 'text', (is) => `w.what = ${is}`);
  given(filter.minWaitMs, 'float8', (ms) => `w.since <= ${ago(ms)}`);
}
