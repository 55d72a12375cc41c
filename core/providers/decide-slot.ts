import type { WaitKind } from '../../contracts/provider.ts';
import { circuitPhase } from './circuit.ts';
import { isCooling } from './cool-down.ts';
import { reservedSlots, startTag, virtualTimeAfter, waitersAhead, type FairQueue, type Waiter } from './fair-queue.ts';
import type { ProviderLimits } from './provider-limits.ts';
import type { ProviderState } from './provider-state.ts';
import { bucketShape, levelAt, msUntil, take } from './token-bucket.ts';

/** A call's request for a slot, with the state that decides it. */
export interface SlotQuery {
  readonly state: ProviderState;
  readonly limits: ProviderLimits;
  /** Calls that hold a slot. */
  readonly inFlight: number;
  /** Whether one of them is the half-open circuit's trial call. */
  readonly trialInFlight: boolean;
  readonly queue: FairQueue;
  readonly waiter: Waiter;
  readonly nowMs: number;
  /** Jitter, from 0 to 1. */
  readonly random: number;
}

export type SlotDecision =
  | {
      readonly kind: 'grant';
      /** Whether this is the half-open circuit's trial call. */
      readonly trial: boolean;
      readonly reservedTokens: number;
      /** The user's new finish tag. */
      readonly finish: number;
      readonly state: ProviderState;
    }
  | {
      readonly kind: 'wait';
      readonly why: WaitKind;
      /** When the wait is expected to end, epoch ms; null when unknown. */
      readonly untilMs: number | null;
      /** The delay before the next request. */
      readonly delayMs: number;
    };

/** The bounds of a delay. */
export const MIN_DELAY_MS = 50;
const MAX_DELAY_MS = 10_000;
/** The average spacing of waiters that become due when a provider recovers. */
const JITTER_MS = 20;

/**
 * How long a free slot is reserved for waiters that go first and become due: a twentieth of a call, 100 to 500 ms. The first
 * waiter asks as often.
 */
export function reservationMs({ meanCallMs }: ProviderState): number {
  return Math.round(Math.min(500, Math.max(100, meanCallMs / 20)));
}

/** Decides whether a call may start now, or why it waits and when to request a slot again. */
export function decideSlot(query: SlotQuery): SlotDecision {
  const { state, limits, waiter, queue, nowMs } = query;
  const phase = circuitPhase(state.circuit, nowMs);
  if (phase === 'open') return waitUntil(query, 'circuit', state.circuit.openUntilMs ?? nowMs);
  if (isCooling(state.coolDown, nowMs)) return waitUntil(query, 'cool_down', state.coolDown.untilMs ?? nowMs);
  if (phase === 'half_open' && query.trialInFlight) {
    return { kind: 'wait', why: 'circuit', untilMs: null, delayMs: 500 + jitter(query) };
  }
  if (freeSlots(query) <= reservedSlots(queue, waiter)) return waitForSlot(query);
  const { requestsPerMinute, tokensPerMinute } = limits;
  const start = startTag(queue, { ...waiter, rank: 1 });
  const reservedTokens = tokensPerMinute === null ? 0 : Math.round(state.meanTokens);
  return {
    kind: 'grant',
    trial: phase === 'half_open',
    reservedTokens,
    finish: start + 1,
    state: {
      ...state,
      virtualTime: virtualTimeAfter(queue, start),
      requests: requestsPerMinute === null ? state.requests : take(state.requests, requestsPerMinute, 1, nowMs),
      tokens: tokensPerMinute === null ? state.tokens : take(state.tokens, tokensPerMinute, reservedTokens, nowMs),
    },
  };
}

function freeSlots({ state, limits, inFlight, nowMs }: SlotQuery): number {
  const { concurrency, requestsPerMinute, tokensPerMinute } = limits;
  return Math.min(
    concurrency === null ? Number.POSITIVE_INFINITY : concurrency - inFlight,
    requestsPerMinute === null
      ? Number.POSITIVE_INFINITY
      : Math.floor(levelAt(state.requests, requestsPerMinute, nowMs)),
    tokensPerMinute === null
      ? Number.POSITIVE_INFINITY
      : Math.floor(levelAt(state.tokens, tokensPerMinute, nowMs) / tokensOfCall(state, tokensPerMinute)),
  );
}

/** The expected tokens of a call, at most the bucket's capacity: a larger call starts with a full bucket and leaves it in debt. */
function tokensOfCall({ meanTokens }: ProviderState, tokensPerMinute: number): number {
  return Math.max(1, Math.min(Math.round(meanTokens), bucketShape(tokensPerMinute).capacity));
}

function waitUntil(query: SlotQuery, why: WaitKind, untilMs: number): SlotDecision {
  return { kind: 'wait', why, untilMs, delayMs: Math.max(MIN_DELAY_MS, untilMs - query.nowMs) + jitter(query) };
}

function jitter({ queue, waiter, random }: SlotQuery): number {
  return Math.round(Math.min(10_000, (waitersAhead(queue, waiter) + random) * JITTER_MS));
}

/** Waits until about when the waiter's share is due. */
function waitForSlot(query: SlotQuery): SlotDecision {
  const { state, nowMs, random } = query;
  const ahead = waitersAhead(query.queue, query.waiter);
  const freeMs = untilSlot(query, ahead + 1);
  const refilledMs = untilRefill(query, ahead + 1);
  // `freeMs` is an estimate, and a free slot goes to the next waiter that requests it. So waiters retry early, and the first ones often.
  const early = Math.min(freeMs * 0.5, reservationMs(state) * 4 ** ahead);
  const delayMs = Math.min(MAX_DELAY_MS, Math.max(MIN_DELAY_MS, early, refilledMs)) * (1 + random * 0.05);
  const expectedMs = Math.max(freeMs, refilledMs);
  return { kind: 'wait', why: 'rate_limit', untilMs: Math.round(nowMs + expectedMs), delayMs: Math.round(delayMs) };
}

/** The estimated time until `count` calls can have started within the concurrency limit. */
function untilSlot({ state, limits, inFlight }: SlotQuery, count: number): number {
  const { concurrency } = limits;
  if (concurrency === null) return 0;
  return (Math.max(0, count - (concurrency - inFlight)) * state.meanCallMs) / concurrency;
}

/** The time until `count` calls can have started within the limits of requests and tokens a minute. */
function untilRefill({ state, limits, nowMs }: SlotQuery, count: number): number {
  const { requestsPerMinute, tokensPerMinute } = limits;
  return Math.max(
    requestsPerMinute === null ? 0 : msUntil(state.requests, requestsPerMinute, count, nowMs),
    tokensPerMinute === null
      ? 0
      : msUntil(state.tokens, tokensPerMinute, count * tokensOfCall(state, tokensPerMinute), nowMs),
  );
}
