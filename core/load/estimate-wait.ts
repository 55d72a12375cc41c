import { sumOf, type LoadWindow } from './load-window.ts';

/** How fast the runs that wait are begun. */
export interface WaitEstimate {
  /** Admitted runs that have not begun, by user. */
  readonly waiting: ReadonlyMap<string, number>;
  /** Runs begun per second by all workers. */
  readonly perSecond: number;
}

/** Rates of shorter times are those of a few runs. */
const LEAST_WINDOW_MS = 4_000;

/**
 * The average time that admissions take and the runs that begin have waited from which on the system counts as behind. While
 * runs begin sooner, those that wait do so for another reason: for the run before them in their session, for a worker that has
 * their agent, or for the repair of their workflow. They hold up no other run then.
 */
const BEHIND_MS = 1_000;

/** Null while there is nothing to estimate from: runs begin soon after they were sent, or runs have not waited for long enough, or none begins. */
export function estimateWait(window: LoadWindow): WaitEstimate | null {
  const { durationMs, runs, measured, waitedMs, admitted, admittingMs } = sumOf(window);
  if (window.last === null || durationMs < LEAST_WINDOW_MS || runs === 0) return null;
  const sentBeforeMs = admittingMs / Math.max(1, admitted) + waitedMs / Math.max(1, measured);
  if (measured > 0 && sentBeforeMs < BEHIND_MS) return null;
  return { waiting: window.last.waiting, perSecond: (runs / durationMs) * 1_000 };
}

/** The time until all runs that wait have begun, in ms. */
export function waitForAll(estimate: WaitEstimate): number {
  return timeToBegin(estimate, Number.POSITIVE_INFINITY);
}

export interface Overload {
  /** `user_share`: the user's own runs that wait are the reason. `overload`: nobody else's run could begin in time either. */
  readonly reason: 'user_share' | 'overload';
  /** The estimated time until the run would begin. */
  readonly waitMs: number;
  /** The longest one that is accepted. */
  readonly limitMs: number;
  /** The user's own runs that wait. */
  readonly own: number;
  /** After so many ms the run could begin in time, if nothing else were admitted meanwhile. Spread, so that not all return at once. */
  readonly retryAfterMs: number;
}

/**
 * The share of the limit from which on users who have runs waiting are refused. The rest is left to the others, who are refused
 * at the limit.
 */
const SHARE_OF_WAITING_USERS = 0.5;
/**
 * Users take turns, so of each other user about as many runs begin before a further one as the user has waiting, and one more.
 * That is the order of the tasks, not of runs that have become tasks; a few more may go first.
 */
const TURNS_AHEAD = 10;
/** The least and the most by which the times to try again are spread, the latter as a share of the limit. */
const SPREAD = { leastMs: 1_000, share: 1 / 6 } as const;

/** Why a further run of a user cannot begin within `limitMs`; null when it can, or when that is unknown. `random`: from 0 to below 1. */
export function findOverload(
  estimate: WaitEstimate | null,
  { user, limitMs, random }: { readonly user: string; readonly limitMs: number; readonly random: number },
): Overload | null {
  if (estimate === null || limitMs === 0) return null;
  const own = estimate.waiting.get(user) ?? 0;
  const spreadMs = Math.max(SPREAD.leastMs, limitMs * SPREAD.share);
  const overload = (reason: Overload['reason'], waitMs: number, limit: number): Overload => {
    const retryAfterMs = Math.ceil(waitMs - limit + random * spreadMs);
    return { reason, waitMs, limitMs: limit, own, retryAfterMs };
  };
  const shareMs = limitMs * SHARE_OF_WAITING_USERS;
  const inTurnMs = timeToBegin(estimate, own + 1);
  if (own > 0 && inTurnMs > shareMs) {
    return overload(timeToBegin(estimate, 1) <= shareMs ? 'user_share' : 'overload', inTurnMs, shareMs);
  }
  const longestMs = timeToBegin(estimate, own + TURNS_AHEAD);
  return longestMs > limitMs ? overload('overload', longestMs, limitMs) : null;
}

/** The time until all runs that wait have begun, but for those of each user beyond the first `ofEach`, in ms. */
function timeToBegin({ waiting, perSecond }: WaitEstimate, ofEach: number): number {
  let turns = 0;
  for (const count of waiting.values()) turns += Math.min(count, ofEach);
  return (turns / perSecond) * 1_000;
}
