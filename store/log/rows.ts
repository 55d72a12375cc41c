import type { Policy } from '../../contracts/agent.ts';
import type { Json } from '../../contracts/json.ts';
import type { Receipt } from '../../contracts/session/message.ts';
import type { CallOutcome, Finish, RunError, RunStatus, ToolStatus, Usage } from '../../contracts/session/run.ts';
import type { RecoveryReason } from '../../core/conversation/recovery-note.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { Cost } from '../../contracts/usage.ts';
import { usdOf } from '../../core/money/price.ts';

// Rows of the tables, with the names of their columns. Write functions load, change and save them. Times are text.

/** Sums of tokens. Null is unknown; adding to an unknown sum leaves it unknown. */
export interface TokenColumns {
  input_tokens: number | null;
  output_tokens: number | null;
  cached_tokens: number | null;
  reasoning_tokens: number | null;
}

/** Sums of cost: the known part in nano-dollars, and the number of calls with an unknown cost. */
export interface CostColumns {
  cost_nanos: number;
  unpriced_calls: number;
}

/** A row of `sessions` without the columns that may be large: metadata and state. */
export interface SessionRow extends TokenColumns, CostColumns {
  readonly kind: 'session' | 'run';
  status: SessionStatus;
  agent: string;
  policy: Policy;
  readonly head: number;
  messages: number;
  runs: number;
  errors: number;
  last_ordinal: number;
  end_reason: string | null;
  execution: string | null;
  last_active_at: string;
  /** When the session was created or last reopened. */
  opened_at: string;
  /** Reason of the last recovery; null once a run has completed since. */
  recovered: RecoveryReason | null;
}

export interface RunRow extends TokenColumns, CostColumns {
  readonly run_id: string;
  ordinal: number;
  urgent: boolean;
  status: RunStatus;
  agent: string;
  agent_version: string | null;
  model: string | null;
  message_ids: string[];
  bytes: number;
  last_message_seq: number;
  started_seq: number | null;
  resumes: number;
  steps: number;
  active_ms: number;
  output: string | null;
  error: RunError | null;
  readonly created_at: string;
  started_at: string | null;
  ended_at: string | null;
}

export interface StepRow {
  readonly run_id: string;
  readonly step: number;
  attempts: number;
  /** Attempts made before the run was last resumed. */
  attempts_before: number;
  committed: boolean;
  model: string | null;
  finish: Finish | null;
  usage: Usage | null;
  first_token_ms: number | null;
  readonly started_at: string;
  ended_at: string | null;
}

/** One attempt of a step's model call. Money in nano-dollars. */
export interface ModelCallRow extends TokenColumns {
  readonly run_id: string;
  readonly step: number;
  readonly attempt: number;
  readonly agent: string;
  /** `provider/model`. */
  readonly model: string;
  answered_by: string | null;
  /** `YYYY-MM-DD`. */
  readonly day: string;
  outcome: CallOutcome;
  error_code: string | null;
  readonly started_at: string;
  ended_at: string | null;
  first_token_ms: number | null;
  duration_ms: number | null;
  cost_nanos: number | null;
  price_source: string | null;
  price_date: string | null;
  reserved_nanos: number | null;
  reserved_tokens: number | null;
  held_nanos: number;
  held_tokens: number;
}

/** What a model call adds to a row of `usage_days`. */
export interface UsageDayRow extends CostColumns {
  readonly day: string;
  readonly agent: string;
  readonly model: string;
  calls: number;
  failed_calls: number;
  unmetered_calls: number;
  input_tokens: number;
  output_tokens: number;
  cached_tokens: number;
  reasoning_tokens: number;
}

export interface ToolCallRow {
  readonly run_id: string;
  readonly call_id: string;
  readonly step: number;
  readonly position: number;
  readonly tool: string;
  status: ToolStatus;
  readonly idempotent: boolean;
  readonly idempotency_key: string;
  readonly arguments: Json;
  result: Json | null;
  error: string | null;
  attempts: number;
  started_at: string | null;
  ended_at: string | null;
}

export interface MessageRow {
  readonly message_id: string;
  readonly run_id: string;
  readonly seq: number;
  readonly body_hash: string;
  readonly interrupts: string | null;
  readonly receipt: Receipt;
}

/** No tokens used. */
export const NO_TOKENS: TokenColumns = { input_tokens: 0, output_tokens: 0, cached_tokens: 0, reasoning_tokens: 0 };

/** Nothing spent. */
export const NO_COST: CostColumns = { cost_nanos: 0, unpriced_calls: 0 };

/** Adds a call's cost in nano-dollars to a sum; null is unknown. */
export function addCost(sum: CostColumns, nanos: number | null): void {
  if (nanos === null) sum.unpriced_calls += 1;
  else sum.cost_nanos += nanos;
}

/** Converts a sum of costs to its fields in the contracts. */
export function costRecordOf({ cost_nanos: nanos, unpriced_calls: unpriced }: CostColumns): Cost {
  const knownCostUsd = usdOf(nanos);
  return { costUsd: unpriced > 0 ? null : knownCostUsd, knownCostUsd, unpricedCalls: unpriced };
}

/** Adds a model call's tokens to a sum. A count that the provider did not report makes the sum unknown. */
export function addTokens(sum: TokenColumns, usage: Usage | null): void {
  sum.input_tokens = plus(sum.input_tokens, usage?.inputTokens);
  sum.output_tokens = plus(sum.output_tokens, usage?.outputTokens);
  sum.cached_tokens = plus(sum.cached_tokens, usage?.cachedTokens);
  sum.reasoning_tokens = plus(sum.reasoning_tokens, usage?.reasoningTokens);
}

/** Converts a sum of tokens to `Usage`. */
export function usageOf(sum: TokenColumns): Usage {
  return {
    inputTokens: sum.input_tokens,
    outputTokens: sum.output_tokens,
    cachedTokens: sum.cached_tokens,
    reasoningTokens: sum.reasoning_tokens,
  };
}

/** Whether a run with this status has not ended. */
export function isOpen(status: RunStatus): boolean {
  return status === 'queued' || status === 'running';
}

function plus(sum: number | null, more: number | null | undefined): number | null {
  return sum === null || more === null || more === undefined ? null : sum + more;
}
