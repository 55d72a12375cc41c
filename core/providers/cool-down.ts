import { LIMITS } from '../../contracts/limits.ts';

/** The pause after a provider has rejected a call for its rate. Times are epoch ms. */
export interface CoolDown {
  /** Rejections since the last call with a reply. */
  readonly refusals: number;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

export const COOL: CoolDown = { refusals: 0, sinceMs: null, untilMs: null };

/** The pause when the provider sends no `Retry-After`. It doubles with each further rejection. */
const INITIAL_MS = 1_000;
const MAX_MS = 30_000;

export function isCooling({ untilMs }: CoolDown, nowMs: number): boolean {
  return untilMs !== null && nowMs < untilMs;
}

/** The cool-down after a rejection. `retryAfterMs` holds up to a day. Never ends sooner than the current cool-down. */
export function coolDownAfter(coolDown: CoolDown, retryAfterMs: number | null, nowMs: number): CoolDown {
  const active = isCooling(coolDown, nowMs);
  // Concurrent calls are rejected together, which counts as one rejection.
  const refusals = active ? coolDown.refusals : coolDown.refusals + 1;
  const backoffMs = Math.min(MAX_MS, INITIAL_MS * 2 ** Math.min(refusals - 1, 10));
  const untilMs = nowMs + Math.min(retryAfterMs ?? backoffMs, LIMITS.coolDownMs.value);
  return {
    refusals,
    sinceMs: active ? coolDown.sinceMs : nowMs,
    untilMs: active ? Math.max(untilMs, coolDown.untilMs ?? 0) : untilMs,
  };
}
