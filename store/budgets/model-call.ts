import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { CallOutcome, Usage } from '../../contracts/session/run.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { ModelCallRow, RunRow, StepRow } from '../log/rows.ts';
import type { UsageDayRow } from '../log/sums.ts';
import { addCall } from '../log/sums.ts';

/** The cost of a model call in nano-dollars, and the source and date of its price. */
export interface CallCost {
  /** Null when the price or the tokens are unknown. */
  readonly nanos: number | null;
  readonly priceSource: string | null;
  readonly priceDate: string | null;
}

/** The estimated usage of a call, charged where its actual usage or cost is unknown. */
export interface CallEstimate {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Nano-dollars; null when the price is unknown. */
  readonly nanos: number | null;
}

export const UNKNOWN_COST: CallCost = { nanos: null, priceSource: null, priceDate: null };

/** How a model call ended, as reported by its caller. */
export interface ModelCallEnd {
  readonly outcome: Exclude<CallOutcome, 'running'>;
  readonly errorCode?: string;
  /** Delay before the next attempt; null when none follows. Default: null. */
  readonly retryInMs?: number | null | undefined;
  /** Whether the step asks another model next, and this one no more. Default false. */
  readonly gaveUp?: boolean;
  /** How the provider described the error. */
  readonly providerMessage?: string | null;
  readonly answeredBy?: string;
  readonly usage: Usage | null;
  readonly cost: CallCost;
  /** From the request and the text received. Default: the estimate that was recorded before the call, of its input. */
  readonly estimate?: CallEstimate | null;
  /** Whether the request was sent. Default true. */
  readonly made?: boolean;
  /** How the context of the request was composed. Default: unknown. */
  readonly context?: ContextRecord | undefined;
  readonly firstTokenMs: number | null;
  readonly durationMs: number | null;
}

/** The end of a model call that its caller has not reported: its run ended, or another attempt was claimed. It may still be reported. */
export function unreportedEnd(outcome: 'lost' | 'stopped'): ModelCallEnd {
  return { outcome, usage: null, cost: UNKNOWN_COST, firstTokenMs: null, durationMs: null };
}

/** The end of a model call whose request was not sent: it used nothing. */
export function notMade(outcome: 'failed' | 'stopped', errorCode?: string): ModelCallEnd {
  return {
    outcome,
    ...(errorCode === undefined ? {} : { errorCode }),
    usage: { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 },
    cost: { nanos: 0, priceSource: null, priceDate: null },
    made: false,
    firstTokenMs: null,
    durationMs: 0,
  };
}

/** The rows that change when a model call is settled. */
export interface CallRows {
  readonly modelCalls: readonly ModelCallRow[];
  readonly usageDays: readonly UsageDayRow[];
}

export const NO_CALL_ROWS: CallRows = { modelCalls: [], usageDays: [] };

/** Returns the row of an attempt that is being claimed. */
export function claimedCall(
  { at }: LockedSession,
  run: RunRow,
  step: Pick<StepRow, 'step' | 'attempts'>,
  model: string,
): ModelCallRow {
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
    retry_at: null,
    gave_up: null,
    provider_message: null,
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
    made: true,
    context: null,
    kind: null,
    estimated_input_tokens: null,
    estimated_output_tokens: null,
    estimated_nanos: null,
  };
}

/**
 * Records how a model call ended, and adds its usage to its run, its session and the user's day. Nothing stays reserved:
 * where the actual usage or cost is unknown, the estimate is charged instead. A call that was settled without a report
 * keeps its outcome, and a late report replaces its estimate: `usageDays` is then the difference.
 */
export function settleModelCall(session: LockedSession, run: RunRow, call: ModelCallRow, end: ModelCallEnd): CallRows {
  const before = call.outcome === 'running' ? null : usageDayOf(call);
  if (before === null) {
    call.outcome = end.outcome;
    call.error_code = end.errorCode ?? null;
    call.provider_message = end.providerMessage ?? null;
    call.gave_up = end.gaveUp === true ? true : null;
    call.retry_at = typeof end.retryInMs === 'number' ? later(session.at, end.retryInMs) : null;
    call.ended_at = session.at;
  }
  call.answered_by = end.answeredBy ?? null;
  call.first_token_ms = end.firstTokenMs;
  call.duration_ms = end.durationMs;
  call.made = end.made ?? true;
  call.context = end.context ?? null;
  const { usage, cost } = end;
  call.input_tokens = usage?.inputTokens ?? null;
  call.output_tokens = usage?.outputTokens ?? null;
  call.cached_tokens = usage?.cachedTokens ?? null;
  call.reasoning_tokens = usage?.reasoningTokens ?? null;
  call.cost_nanos = cost.nanos;
  call.price_source = cost.priceSource ?? call.price_source;
  call.price_date = cost.priceDate ?? call.price_date;
  call.held_nanos = 0;
  call.held_tokens = 0;
  estimate(call, end.estimate ?? estimateOf(call));
  const after = usageDayOf(call);
  const added = before === null ? after : difference(after, before);
  addCall(run, added);
  addCall(session.row, added);
  return { modelCalls: [call], usageDays: isZero(added) ? [] : [added] };
}

/**
 * Charges an estimate for a call whose reservation an older version has left held after its end. Without an estimate of
 * its own, a call is charged a quarter of the reservation, which counts a token for each byte, of which a token has about
 * four, and the longest possible answer.
 */
export function settleHeldCall(session: LockedSession, run: RunRow, call: ModelCallRow): CallRows {
  const { held_tokens: tokens, held_nanos: nanos, reserved_nanos: reserved } = call;
  const quarter = {
    inputTokens: Math.floor(tokens / 4),
    outputTokens: 0,
    nanos: reserved === null ? null : Math.floor(nanos / 4),
  };
  const charged = estimateOf(call) ?? quarter;
  if (call.outcome === 'running')
    return settleModelCall(session, run, call, { ...unreportedEnd('lost'), estimate: charged });
  const before = usageDayOf(call);
  call.held_nanos = 0;
  call.held_tokens = 0;
  estimate(call, charged);
  const added = difference(usageDayOf(call), before);
  addCall(run, added);
  addCall(session.row, added);
  return { modelCalls: [call], usageDays: [added] };
}

/** Whether a report may still improve what is recorded of a settled call. */
export function awaitsReport(call: ModelCallRow): boolean {
  return call.outcome !== 'running' && call.made && call.duration_ms === null;
}

function estimateOf({ estimated_input_tokens: inputTokens, ...call }: ModelCallRow): CallEstimate | null {
  if (inputTokens === null) return null;
  return { inputTokens, outputTokens: call.estimated_output_tokens ?? 0, nanos: call.estimated_nanos };
}

/** Keeps the parts of an estimate whose actual amounts are unknown. */
function estimate(call: ModelCallRow, known: CallEstimate | null): void {
  const tokens = isMetered(call) ? null : known;
  call.estimated_input_tokens = tokens?.inputTokens ?? null;
  call.estimated_output_tokens = tokens?.outputTokens ?? null;
  call.estimated_nanos = call.cost_nanos === null ? (known?.nanos ?? null) : null;
}

function later(at: string, ms: number): string {
  return new Date(Date.parse(at) + ms).toISOString();
}

function isMetered({ input_tokens: input, output_tokens: output }: ModelCallRow): boolean {
  return input !== null && output !== null;
}

/** What a settled call adds to its user's day. */
function usageDayOf(call: ModelCallRow): UsageDayRow {
  const { day, agent, model } = call;
  const count = (counts: boolean) => (call.made && counts ? 1 : 0);
  return {
    day,
    agent,
    model,
    calls: count(true),
    failed_calls: count(call.outcome !== 'completed'),
    unmetered_calls: count(!isMetered(call)),
    input_tokens: call.input_tokens ?? 0,
    output_tokens: call.output_tokens ?? 0,
    cached_tokens: call.cached_tokens ?? 0,
    reasoning_tokens: call.reasoning_tokens ?? 0,
    cost_nanos: call.cost_nanos ?? 0,
    unpriced_calls: count(call.cost_nanos === null),
    estimated_calls: count(call.estimated_input_tokens !== null || call.estimated_nanos !== null),
    estimated_input_tokens: call.estimated_input_tokens ?? 0,
    estimated_output_tokens: call.estimated_output_tokens ?? 0,
    estimated_nanos: call.estimated_nanos ?? 0,
  };
}

function difference({ day, agent, model, ...after }: UsageDayRow, before: UsageDayRow): UsageDayRow {
  const names = Object.keys(after) as (keyof typeof after)[];
  const sums = Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as typeof after;
  return { day, agent, model, ...sums };
}

function isZero({ day: _day, agent: _agent, model: _model, ...sums }: UsageDayRow): boolean {
  return Object.values(sums).every((sum) => sum === 0);
}
