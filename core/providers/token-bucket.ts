/** What is left of a bucket at a time, epoch ms. Below zero it is in debt. Null stands for a full one. */
export interface Bucket {
  readonly level: number;
  readonly atMs: number;
}

const MINUTE_MS = 60_000;
/** So much of a minute's amount may be taken at once. */
const BURST = 0.1;

/**
 * A bucket from which no more than `perMinute` is taken in any minute (its start included, its end not): it holds a
 * tenth of that, and what flows in within a minute is the rest. In a window of W the most that can be taken one by one is
 * less than capacity + rate × W, so with whole numbers it is perMinute if rate × minute = perMinute − capacity + 1.
 */
export function bucketShape(perMinute: number): { readonly capacity: number; readonly perMs: number } {
  const capacity = Math.max(1, Math.floor(perMinute * BURST));
  return { capacity, perMs: (perMinute - capacity + 1) / MINUTE_MS };
}

export function levelAt(bucket: Bucket | null, perMinute: number, nowMs: number): number {
  const { capacity, perMs } = bucketShape(perMinute);
  if (bucket === null) return capacity;
  return Math.min(capacity, bucket.level + Math.max(0, nowMs - bucket.atMs) * perMs);
}

/** Takes `amount`, or gives it back when it is negative. Whoever takes more than there is goes into debt. */
export function take(bucket: Bucket | null, perMinute: number, amount: number, nowMs: number): Bucket {
  const { capacity } = bucketShape(perMinute);
  const atMs = Math.max(nowMs, bucket?.atMs ?? nowMs);
  return { level: Math.min(capacity, levelAt(bucket, perMinute, nowMs) - amount), atMs };
}

/** How long until the bucket would have `amount`, if nobody took anything and it could hold that much; 0 when it has. */
export function msUntil(bucket: Bucket | null, perMinute: number, amount: number, nowMs: number): number {
  const missing = amount - levelAt(bucket, perMinute, nowMs);
  return missing <= 0 ? 0 : Math.ceil(missing / bucketShape(perMinute).perMs);
}
