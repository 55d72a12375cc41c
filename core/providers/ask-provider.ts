import type { WaitKind } from '../../contracts/provider.ts';
import { circuitPhase } from './circuit.ts';
import { isCooling } from './cool-down.ts';
import { placesKept, positionOf, startOf, timeAfter, type Line, type Ticket } from './fair-turn.ts';
import type { ProviderLimits } from './provider-limits.ts';
import type { ProviderState } from './provider-state.ts';
import { bucketShape, levelAt, msUntil, take } from './token-bucket.ts';

/** A call asks whether it may go. */
export interface Question {
  readonly state: ProviderState;
  readonly limits: ProviderLimits;
  /** Calls that hold a place. */
  readonly inFlight: number;
  /** Whether one of them is the circuit's trial. */
  readonly trying: boolean;
  readonly line: Line;
  readonly ticket: Ticket;
  readonly nowMs: number;
  /** From 0 to 1: sets those apart who would come back together. */
  readonly random: number;
}

export type Answer =
  | {
      readonly kind: 'grant';
      /** The half-open circuit's one call. */
      readonly trial: boolean;
      readonly reservedTokens: number;
      /** The user's, from now on. */
      readonly finish: number;
      readonly state: ProviderState;
    }
  | {
      readonly kind: 'wait';
      readonly why: WaitKind;
      /** When what it waits for is over, epoch ms; null when that is not known. */
      readonly untilMs: number | null;
      /** Ask again after this. */
      readonly delayMs: number;
    };

/** Nobody asks again sooner than this, or waits longer without asking, in ms. */
const SOONEST_MS = 50;
const LATEST_MS = 10_000;
/** Between those who come back when a provider is well again, so that they do not come together. */
const APART_MS = 20;

/**
 * A free place is kept for whoever goes first if they come within this time. Whoever is first asks as often. A
 * twentieth of a call is the most that a place stays empty for it.
 */
export function keptForMs({ meanCallMs }: ProviderState): number {
  return Math.round(Math.min(500, Math.max(100, meanCallMs / 20)));
}

/** Whether a call may go now; if not, why, and when to ask again. */
export function askProvider(question: Question): Answer {
  const { state, limits, ticket, line, nowMs } = question;
  const phase = circuitPhase(state.circuit, nowMs);
  if (phase === 'open') return waitUntil(question, 'circuit', state.circuit.openUntilMs ?? nowMs);
  if (isCooling(state.coolDown, nowMs)) return waitUntil(question, 'cool_down', state.coolDown.untilMs ?? nowMs);
  if (phase === 'half_open' && question.trying) {
    return { kind: 'wait', why: 'circuit', untilMs: null, delayMs: 500 + apart(question) };
  }
  if (freePlaces(question) <= placesKept(line, ticket)) return waitForPlace(question);
  const { requestsPerMinute, tokensPerMinute } = limits;
  const start = startOf(line, { ...ticket, place: 1 });
  const reservedTokens = tokensPerMinute === null ? 0 : Math.round(state.meanTokens);
  return {
    kind: 'grant',
    trial: phase === 'half_open',
    reservedTokens,
    finish: start + 1,
    state: {
      ...state,
      virtualTime: timeAfter(line, start),
      requests: requestsPerMinute === null ? state.requests : take(state.requests, requestsPerMinute, 1, nowMs),
      tokens: tokensPerMinute === null ? state.tokens : take(state.tokens, tokensPerMinute, reservedTokens, nowMs),
    },
  };
}

function freePlaces({ state, limits, inFlight, nowMs }: Question): number {
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

/** What a call is reckoned to use. A call that is larger than the bucket goes when that is full, and leaves it in debt. */
function tokensOfCall({ meanTokens }: ProviderState, tokensPerMinute: number): number {
  return Math.max(1, Math.min(Math.round(meanTokens), bucketShape(tokensPerMinute).capacity));
}

function waitUntil(question: Question, why: WaitKind, untilMs: number): Answer {
  return { kind: 'wait', why, untilMs, delayMs: Math.max(SOONEST_MS, untilMs - question.nowMs) + apart(question) };
}

function apart({ line, ticket, random }: Question): number {
  return Math.round(Math.min(10_000, (positionOf(line, ticket) + random) * APART_MS));
}

/** Asks again about when its turn should come. */
function waitForPlace(question: Question): Answer {
  const { state, nowMs, random } = question;
  const position = positionOf(question.line, question.ticket);
  const freeMs = untilPlace(question, position + 1);
  const refilledMs = untilRefill(question, position + 1);
  // When calls end is a guess, so whoever is near the head asks often; others early, as a place goes to those who are there.
  const early = Math.min(freeMs * 0.5, keptForMs(state) * 4 ** position);
  const delayMs = Math.min(LATEST_MS, Math.max(SOONEST_MS, early, refilledMs)) * (1 + random * 0.05);
  const expectedMs = Math.max(freeMs, refilledMs);
  return { kind: 'wait', why: 'rate_limit', untilMs: Math.round(nowMs + expectedMs), delayMs: Math.round(delayMs) };
}

/** How long until so many calls may have begun, as far as places go: as long as the calls take that must end first. */
function untilPlace({ state, limits, inFlight }: Question, turn: number): number {
  const { concurrency } = limits;
  if (concurrency === null) return 0;
  return (Math.max(0, turn - (concurrency - inFlight)) * state.meanCallMs) / concurrency;
}

/** How long until so many calls may have begun, as far as the minute's requests and tokens go. */
function untilRefill({ state, limits, nowMs }: Question, turn: number): number {
  const { requestsPerMinute, tokensPerMinute } = limits;
  return Math.max(
    requestsPerMinute === null ? 0 : msUntil(state.requests, requestsPerMinute, turn, nowMs),
    tokensPerMinute === null
      ? 0
      : msUntil(state.tokens, tokensPerMinute, turn * tokensOfCall(state, tokensPerMinute), nowMs),
  );
}
