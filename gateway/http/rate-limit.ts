import { LRUCache } from 'lru-cache';
import { msUntil, take, type Bucket } from '../../core/providers/token-bucket.ts';

/** Keys that are remembered; the least recently used one starts again with a full bucket. */
const MAX_KEYS = 10_000;

/** Limits how often each key may do something. */
export interface RateLimit {
  /** Takes one; otherwise returns the time in ms until there is one. 0: taken. */
  take(key: string): number;
}

/** A token bucket for each key. It holds a tenth of `perMinute`. */
export function createRateLimit(perMinute: number, now: () => number = Date.now): RateLimit {
  const buckets = new LRUCache<string, Bucket>({ max: MAX_KEYS });
  return {
    take(key) {
      const nowMs = now();
      const bucket = buckets.get(key) ?? null;
      const waitMs = msUntil(bucket, perMinute, 1, nowMs);
      if (waitMs === 0) buckets.set(key, take(bucket, perMinute, 1, nowMs));
      return waitMs;
    },
  };
}
