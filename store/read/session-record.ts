import type { SessionRecord } from '../../contracts/session/session.ts';
import { recordedCountsOf, type CountSums } from '../../core/session/sum-counts.ts';
import { mean, ratio } from './statistics/stats-report.ts';
import {
  costRecordOf,
  knownUsageOf,
  usageOf,
  type CallSumColumns,
  type CostColumns,
  type TokenColumns,
} from '../log/sums.ts';

/** The columns that a `SessionRecord` is made of, of the table `s`. */
export const SESSION_COLUMNS = `
  s.user_id, s.session_id, s.status, s.agent, s.metadata, s.state, s.policy, s.created_at, s.updated_at,
  s.last_active_at, s.opened_at, s.end_reason, s.head, s.messages, s.runs, s.errors,
  s.ended_runs, s.timed_runs, s.busy_ms::float8, s.input_tokens::float8,
  s.output_tokens::float8, s.cached_tokens::float8, s.reasoning_tokens::float8, s.cost_nanos::float8, s.unpriced_calls,
  s.unmetered_calls, s.known_input_tokens::float8, s.known_output_tokens::float8, s.known_cached_tokens::float8,
  s.known_reasoning_tokens::float8, s.estimated_calls, s.estimated_input_tokens::float8,
  s.estimated_output_tokens::float8, s.estimated_nanos::float8, s.recorded`;

/** A row of {@link SESSION_COLUMNS}. */
export interface SessionRecordRow
  extends
    TokenColumns,
    CostColumns,
    CallSumColumns,
    Pick<SessionRecord, 'status' | 'agent' | 'metadata' | 'state' | 'policy' | 'head'> {
  readonly user_id: string;
  readonly session_id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_active_at: string;
  readonly opened_at: string;
  readonly end_reason: string | null;
  readonly messages: number;
  readonly runs: number;
  readonly errors: number;
  readonly ended_runs: number;
  readonly timed_runs: number;
  readonly busy_ms: number;
  readonly recorded: CountSums | null;
}

/** Converts a row of `sessions`. */
export function sessionRecordOf(row: SessionRecordRow): SessionRecord {
  return {
    id: row.session_id,
    user: row.user_id,
    status: row.status,
    agent: row.agent,
    metadata: row.metadata,
    state: row.state,
    policy: row.policy,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    lastActiveAt: row.last_active_at,
    openedAt: row.opened_at,
    endReason: row.end_reason,
    head: row.head,
    messages: row.messages,
    runs: row.runs,
    errors: row.errors,
    endedRuns: row.ended_runs,
    errorRate: ratio(row.errors, row.ended_runs),
    meanMs: mean(row.busy_ms, row.timed_runs),
    usage: usageOf(row),
    ...knownUsageOf(row),
    ...costRecordOf(row),
    ...(row.recorded === null ? {} : { recorded: recordedCountsOf(row.recorded) }),
  };
}
