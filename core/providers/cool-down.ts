import { LIMITS } from '../../contracts/limits.ts';

/** A provider that said "too many requests" is left alone for a time. Times are epoch ms. */
export interface CoolDown {
  /** Refusals since the last call that was answered. */
  readonly refusals: number;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

export const COOL: CoolDown = { refusals: 0, sinceMs: null, untilMs: null };

/** Where a provider names no time: this long after its first refusal, twice that after the next, and so on. */
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

export function isCooling({ untilMs }: CoolDown, nowMs: number): boolean {
  return untilMs !== null && nowMs < untilMs;
}

/** After a refusal. A time that the provider names is obeyed up to a day; an earlier one that ends later stays in force. */
export function coolDownAfter(coolDown: CoolDown, retryAfterMs: number | null, nowMs: number): CoolDown {
  const going = isCooling(coolDown, nowMs);
  // Calls that were under way together are refused together: that is one refusal.
  const refusals = going ? coolDown.refusals : coolDown.refusals + 1;
  const byItself = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(refusals - 1, 10));
  const untilMs = nowMs + Math.min(retryAfterMs ?? byItself, LIMITS.coolDownMs.value);
  return {
    refusals,
    sinceMs: going ? coolDown.sinceMs : nowMs,
    untilMs: going ? Math.max(untilMs, coolDown.untilMs ?? 0) : untilMs,
  };
}
