import type { Usage } from '../../contracts/session/run.ts';
import type { CallCost, CallEstimate } from '../../store/budgets/model-call.ts';
import { NOTHING_USED } from './call-budget.ts';

/** What the model calls of one attempt have used together. */
export interface CallSpending {
  readonly calls: number;
  /** Null if a provider has not reported the usage of a call. */
  readonly usage: Usage | null;
  /** Its `nanos` are null if a price or the tokens of a call are unknown. */
  readonly cost: CallCost;
  /** What is charged where the usage or the cost is unknown; null if all is known. */
  readonly estimate: CallEstimate | null;
  /** The known amounts, and estimates of the others. */
  readonly charged: CallEstimate;
}

/** What one model call has used. */
export interface UsedByCall {
  readonly usage: Usage | null;
  readonly cost: CallCost;
  readonly estimate: CallEstimate;
}

/** Adds up model calls. Of none, the sum is nothing. */
export function addSpending(calls: readonly UsedByCall[]): CallSpending {
  const usage = calls.map((call) => call.usage).reduce(addUsage, NOTHING_USED);
  const nanos = calls.map(({ cost }) => cost.nanos).reduce(addKnown, 0);
  const charged = calls.map(chargedOf).reduce(addEstimate, { inputTokens: 0, outputTokens: 0, nanos: 0 });
  const isKnown = nanos !== null && usage?.inputTokens != null && usage.outputTokens !== null;
  const { priceSource = null, priceDate = null } = calls.find(({ cost }) => cost.priceSource !== null)?.cost ?? {};
  const cost = { nanos, priceSource, priceDate };
  return { calls: calls.length, usage, cost, estimate: isKnown ? null : charged, charged };
}

function chargedOf({ usage, cost, estimate }: UsedByCall): CallEstimate {
  return {
    inputTokens: usage?.inputTokens ?? estimate.inputTokens,
    outputTokens: usage?.outputTokens ?? estimate.outputTokens,
    nanos: cost.nanos ?? estimate.nanos,
  };
}

function addUsage(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return null;
  return {
    inputTokens: addKnown(a.inputTokens, b.inputTokens),
    outputTokens: addKnown(a.outputTokens, b.outputTokens),
    cachedTokens: addKnown(a.cachedTokens, b.cachedTokens),
    reasoningTokens: addKnown(a.reasoningTokens, b.reasoningTokens),
  };
}

function addEstimate(a: CallEstimate, b: CallEstimate): CallEstimate {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    nanos: addKnown(a.nanos, b.nanos),
  };
}

function addKnown(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

/** The counts that are whole numbers of tokens. The others are unknown: no count is worth a reply. */
export function countedUsage(usage: Usage | null): Usage | null {
  return (
    usage && {
      inputTokens: tokensOf(usage.inputTokens),
      outputTokens: tokensOf(usage.outputTokens),
      cachedTokens: tokensOf(usage.cachedTokens),
      reasoningTokens: tokensOf(usage.reasoningTokens),
    }
  );
}

function tokensOf(value: number | null): number | null {
  return Number.isSafeInteger(value) && (value ?? -1) >= 0 ? value : null;
}
