import type { CallOutcome, Usage } from '../../contracts/session/run.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { addCost, type ModelCallRow, type RunRow, type StepRow, type UsageDayRow } from '../log/rows.ts';

/** The cost of a model call in nano-dollars, and the source and date of its price. */
export interface CallCost {
  /** Null when the price or the tokens are unknown. */
  readonly nanos: number | null;
  readonly priceSource: string | null;
  readonly priceDate: string | null;
}

export const UNKNOWN_COST: CallCost = { nanos: null, priceSource: null, priceDate: null };

/** How a model call ended, as reported by its caller. */
export interface ModelCallEnd {
  readonly outcome: Exclude<CallOutcome, 'running'>;
  readonly errorCode?: string;
  readonly answeredBy?: string;
  readonly usage: Usage | null;
  readonly cost: CallCost;
  readonly firstTokenMs: number | null;
  readonly durationMs: number | null;
}

/** The end of a model call whose outcome was not reported and will not be. */
export const LOST_CALL: ModelCallEnd = {
  outcome: 'lost',
  usage: null,
  cost: UNKNOWN_COST,
  firstTokenMs: null,
  durationMs: null,
};

/** The rows that change when a model call is settled. */
export interface CallRows {
  readonly modelCalls: readonly ModelCallRow[];
  readonly usageDays: readonly UsageDayRow[];
}

export const NO_CALL_ROWS: CallRows = { modelCalls: [], usageDays: [] };

/** Returns the row of an attempt that is being claimed. */
export function claimedCall({ at }: LockedSession, run: RunRow, step: StepRow, model: string): ModelCallRow {
  return {
    run_id: run.run_id,
    step: step.step,
    attempt: step.attempts,
    agent: run.agent,
    model,
    answered_by: null,
    day: dayOf(at),
    outcome: 'running',
    error_code: null,
    started_at: at,
    ended_at: null,
    first_token_ms: null,
    duration_ms: null,
    input_tokens: null,
    output_tokens: null,
    cached_tokens: null,
    reasoning_tokens: null,
    cost_nanos: null,
    price_source: null,
    price_date: null,
    reserved_nanos: null,
    reserved_tokens: null,
    held_nanos: 0,
    held_tokens: 0,
  };
}

/**
 * Records how a model call ended, and adds its cost to its run, its session and the user's day. Releases the part of
 * the reservation whose actual amount is known; the rest stays held at the worst case.
 */
export function settleModelCall(session: LockedSession, run: RunRow, call: ModelCallRow, end: ModelCallEnd): CallRows {
  const { usage, cost } = end;
  call.outcome = end.outcome;
  call.error_code = end.errorCode ?? null;
  call.answered_by = end.answeredBy ?? null;
  call.ended_at = session.at;
  call.first_token_ms = end.firstTokenMs;
  call.duration_ms = end.durationMs;
  call.input_tokens = usage?.inputTokens ?? null;
  call.output_tokens = usage?.outputTokens ?? null;
  call.cached_tokens = usage?.cachedTokens ?? null;
  call.reasoning_tokens = usage?.reasoningTokens ?? null;
  call.cost_nanos = cost.nanos;
  call.price_source = cost.priceSource;
  call.price_date = cost.priceDate;
  if (cost.nanos !== null) call.held_nanos = 0;
  if (isMetered(call)) call.held_tokens = 0;
  addCost(run, cost.nanos);
  addCost(session.row, cost.nanos);
  return { modelCalls: [call], usageDays: [usageDayOf(call)] };
}

function isMetered({ input_tokens: input, output_tokens: output }: ModelCallRow): boolean {
  return input !== null && output !== null;
}

function usageDayOf(call: ModelCallRow): UsageDayRow {
  const { day, agent, model } = call;
  return {
    day,
    agent,
    model,
    calls: 1,
    failed_calls: call.outcome === 'completed' ? 0 : 1,
    unmetered_calls: isMetered(call) ? 0 : 1,
    input_tokens: call.input_tokens ?? 0,
    output_tokens: call.output_tokens ?? 0,
    cached_tokens: call.cached_tokens ?? 0,
    reasoning_tokens: call.reasoning_tokens ?? 0,
    cost_nanos: call.cost_nanos ?? 0,
    unpriced_calls: call.cost_nanos === null ? 1 : 0,
  };
}
