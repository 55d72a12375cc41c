/** The level of a bucket at a time (epoch ms). Below zero it is in debt. Null represents a full bucket. */
export interface Bucket {
  readonly level: number;
  readonly atMs: number;
}

const MINUTE_MS = 60_000;
/** The bucket's capacity as a share of a minute's amount. */
const BURST = 0.1;

/**
 * A bucket that limits any minute (start included, end excluded) to `perMinute`. It holds a tenth of that; the refill of a
 * minute is the rest. In a window W, single units taken number less than capacity + rate × W, so with whole numbers they are
 * at most perMinute if rate × minute = perMinute − capacity + 1.
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

/** Takes `amount`, or returns it when negative. Taking more than the level leaves the bucket in debt. */
export function take(bucket: Bucket | null, perMinute: number, amount: number, nowMs: number): Bucket {
  const { capacity } = bucketShape(perMinute);
  const atMs = Math.max(nowMs, bucket?.atMs ?? nowMs);
  return { level: Math.min(capacity, levelAt(bucket, perMinute, nowMs) - amount), atMs };
}

/** The time until the bucket has `amount`, ignoring its capacity and further takes; 0 if it has now. */
export function msUntil(bucket: Bucket | null, perMinute: number, amount: number, nowMs: number): number {
  const missing = amount - levelAt(bucket, perMinute, nowMs);
  return missing <= 0 ? 0 : Math.ceil(missing / bucketShape(perMinute).perMs);
}
