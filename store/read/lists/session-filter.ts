import type { SessionFilter } from '../../../contracts/session/list-filters.ts';
import { nanosOf } from '../../../core/money/price.ts';
import { newConditions, type Conditions } from './conditions.ts';
import { addRunConditions, isByWait } from './run-conditions.ts';
import { waitOf } from './run-wait.ts';

/** Adds the conditions of the filter for the session `s`, but that of its agent. */
export function addSessionFilter(conditions: Conditions, filter: SessionFilter): void {
  const { sql, param } = conditions;
  const { minCostUsd, maxCostUsd, minAgeMs, maxAgeMs, minIdleMs } = filter;
  const before = (ms: number): string => `statement_timestamp() - make_interval(secs => ${param(ms)}::float8 / 1000)`;
  const own = sql.length;
  if (minCostUsd !== undefined) sql.push(`s.cost_nanos >= ${param(nanosOf(minCostUsd))}`);
  if (maxCostUsd !== undefined) sql.push(`s.cost_nanos <= ${param(nanosOf(maxCostUsd))}`);
  if (minAgeMs !== undefined) sql.push(`s.created_at <= ${before(minAgeMs)}`);
  if (maxAgeMs !== undefined) sql.push(`s.created_at >= ${before(maxAgeMs)}`);
  if (minIdleMs !== undefined) sql.push(`s.last_active_at <= ${before(minIdleMs)}`);
  const ofRun = runCondition(conditions, filter);
  if (ofRun !== null) sql.push(ofRun);
  if (sql.length > own) conditions.isCostly = true;
}

/** The condition that one of the session's runs matches what of the filter is about runs; null for nothing. */
function runCondition({ param }: Conditions, filter: SessionFilter): string | null {
  const { agentVersion, tool, waitingFor, minWaitMs, errorCode } = filter;
  const ofRun = { agentVersion, tool, waitingFor, minWaitMs, errorCode };
  if (Object.values(ofRun).every((value) => value === undefined)) return null;
  const inner: Conditions = { ...newConditions(), param };
  addRunConditions(inner, ofRun, 'statement_timestamp()');
  return `EXISTS (SELECT FROM perdure.runs r ${isByWait(ofRun) ? `CROSS JOIN LATERAL ${waitOf('r')} w` : ''}
                   WHERE r.user_id = s.user_id AND r.session_id = s.session_id AND ${inner.sql.join(' AND ')})`;
}
