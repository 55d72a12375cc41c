import { circuitAfter, CLOSED, type Circuit } from './circuit.ts';
import { COOL, coolDownAfter, type CoolDown } from './cool-down.ts';
import type { ProviderLimits } from './provider-limits.ts';
import { take, type Bucket } from './token-bucket.ts';

/** The shared state of a provider. The store keeps it as JSON, so its fields are a stored format. */
export interface ProviderState {
  readonly circuit: Circuit;
  readonly coolDown: CoolDown;
  readonly requests: Bucket | null;
  readonly tokens: Bucket | null;
  /** See {@link import('./fair-queue.ts').FairQueue}. */
  readonly virtualTime: number;
  /** Moving averages of the calls that held a slot, for estimates. */
  readonly meanCallMs: number;
  readonly meanTokens: number;
}

export const NEW_PROVIDER: ProviderState = {
  circuit: CLOSED,
  coolDown: COOL,
  requests: null,
  tokens: null,
  virtualTime: 0,
  meanCallMs: 1_000,
  meanTokens: 500,
};

/** The evidence of a call's end about its provider. */
export interface ProviderOutcome {
  /** `up`: the provider responded, possibly with a rejection. `down`: a 5xx, a timeout, a broken connection. `unknown`: aborted here. `unused`: not sent. */
  readonly health: 'up' | 'down' | 'unknown' | 'unused';
  /** Whether it gave a reply. */
  readonly replied: boolean;
  /** Set when the call was rejected for its rate: the requested pause, or null without one. */
  readonly retryAfterMs?: number | null | undefined;
  /** Input and output tokens; null when unknown. */
  readonly tokens: number | null;
  /** Id of the run, if its message may have caused the failure: the circuit then counts all its attempts once. */
  readonly countsOnceFor?: string;
}

/** The slot that a call held. */
export interface HeldSlot {
  /** Whether it was the half-open circuit's trial call. */
  readonly trial: boolean;
  /** The tokens taken from the bucket for it. */
  readonly reservedTokens: number;
  readonly durationMs: number;
}

/** The weight of the newest value in a moving average. */
const WEIGHT = 0.1;

/** Whether calls need no slot, as far as no limit is set: no failure, no open circuit, no cool-down. */
export function isHealthy({ circuit, coolDown }: ProviderState): boolean {
  return circuit.failures === 0 && circuit.openUntilMs === null && coolDown.untilMs === null;
}

/** The state after a call. `slot` is null for a call that started without one. */
export function stateAfterCall(
  state: ProviderState,
  limits: ProviderLimits,
  outcome: ProviderOutcome,
  slot: HeldSlot | null,
  nowMs: number,
): ProviderState {
  const { health } = outcome;
  const conclusive = health === 'up' || health === 'down';
  const call = { failed: health === 'down', trial: slot?.trial ?? false, countsOnceFor: outcome.countsOnceFor };
  const circuit = conclusive ? circuitAfter(state.circuit, limits.circuit, call, nowMs) : state.circuit;
  const rejected = outcome.retryAfterMs !== undefined;
  const coolDown = rejected ? coolDownAfter(state.coolDown, outcome.retryAfterMs ?? null, nowMs) : state.coolDown;
  return {
    ...state,
    ...(slot ? settled(state, limits, outcome, slot, nowMs) : {}),
    circuit,
    coolDown: outcome.replied && (coolDown.untilMs ?? 0) <= nowMs ? COOL : coolDown,
  };
}

/** Refunds an unused slot; otherwise replaces the reserved tokens by those used. An unknown use stays charged as reserved. */
function settled(
  state: ProviderState,
  { requestsPerMinute, tokensPerMinute }: ProviderLimits,
  { health, tokens }: ProviderOutcome,
  { reservedTokens, durationMs }: HeldSlot,
  nowMs: number,
): Partial<ProviderState> {
  const unused = health === 'unused';
  const charge = unused ? -reservedTokens : tokens === null ? 0 : tokens - reservedTokens;
  return {
    ...(requestsPerMinute !== null && unused ? { requests: take(state.requests, requestsPerMinute, -1, nowMs) } : {}),
    ...(tokensPerMinute === null ? {} : { tokens: take(state.tokens, tokensPerMinute, charge, nowMs) }),
    ...(health === 'up' ? { meanCallMs: average(state.meanCallMs, durationMs) } : {}),
    ...(tokens === null ? {} : { meanTokens: average(state.meanTokens, tokens) }),
  };
}

function average(mean: number, value: number): number {
  return mean + (value - mean) * WEIGHT;
}
