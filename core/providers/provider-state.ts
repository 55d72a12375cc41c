import { circuitAfter, CLOSED, type Circuit } from './circuit.ts';
import { COOL, coolDownAfter, type CoolDown } from './cool-down.ts';
import type { ProviderLimits } from './provider-limits.ts';
import { take, type Bucket } from './token-bucket.ts';

/** What all workers know of a provider, as the store keeps it. */
export interface ProviderState {
  readonly circuit: Circuit;
  readonly coolDown: CoolDown;
  readonly requests: Bucket | null;
  readonly tokens: Bucket | null;
  /** Of {@link import('./fair-turn.ts').Line}. */
  readonly virtualTime: number;
  /** Moving averages over the calls that held a place: what waits and tokens are reckoned by. */
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

/** How a call ended, as far as its provider is concerned. */
export interface CallEnd {
  /** `up`: it answered, be it with a refusal. `down`: a 5xx, a timeout, a broken connection. `unknown`: cut off by us. `unused`: never made. */
  readonly health: 'up' | 'down' | 'unknown' | 'unused';
  /** Whether it gave a reply. */
  readonly replied: boolean;
  /** It asked to be left alone: for how long, or null when it named no time. Undefined: it did not. */
  readonly retryAfterMs?: number | null | undefined;
  /** In and out; null when not known. */
  readonly tokens: number | null;
}

/** What a call held. */
export interface HeldPlace {
  readonly trial: boolean;
  /** Tokens that were taken for it. */
  readonly reservedTokens: number;
  readonly durationMs: number;
}

const WEIGHT = 0.1;

/** Whether every call may go without asking, as long as no limit is set. */
export function isSound({ circuit, coolDown }: ProviderState): boolean {
  return circuit.failures === 0 && circuit.openUntilMs === null && coolDown.untilMs === null;
}

/** The state after a call. `place` is null for a call that went without asking. */
export function afterCall(
  state: ProviderState,
  limits: ProviderLimits,
  end: CallEnd,
  place: HeldPlace | null,
  nowMs: number,
): ProviderState {
  const { health } = end;
  const judged = health === 'up' || health === 'down';
  const call = { failed: health === 'down', trial: place?.trial ?? false };
  const circuit = judged ? circuitAfter(state.circuit, limits.circuit, call, nowMs) : state.circuit;
  const asked = end.retryAfterMs !== undefined;
  const coolDown = asked ? coolDownAfter(state.coolDown, end.retryAfterMs ?? null, nowMs) : state.coolDown;
  return {
    ...state,
    ...(place ? settled(state, limits, end, place, nowMs) : {}),
    circuit,
    coolDown: end.replied && (coolDown.untilMs ?? 0) <= nowMs ? COOL : coolDown,
  };
}

/** Gives back what an unused place took; otherwise charges what was really used. What is not known stays charged. */
function settled(
  state: ProviderState,
  { requestsPerMinute, tokensPerMinute }: ProviderLimits,
  { health, tokens }: CallEnd,
  { reservedTokens, durationMs }: HeldPlace,
  nowMs: number,
): Partial<ProviderState> {
  const unused = health === 'unused';
  const more = unused ? -reservedTokens : tokens === null ? 0 : tokens - reservedTokens;
  return {
    ...(requestsPerMinute !== null && unused ? { requests: take(state.requests, requestsPerMinute, -1, nowMs) } : {}),
    ...(tokensPerMinute === null ? {} : { tokens: take(state.tokens, tokensPerMinute, more, nowMs) }),
    ...(health === 'up' ? { meanCallMs: moved(state.meanCallMs, durationMs) } : {}),
    ...(tokens === null ? {} : { meanTokens: moved(state.meanTokens, tokens) }),
  };
}

function moved(mean: number, value: number): number {
  return mean + (value - mean) * WEIGHT;
}
