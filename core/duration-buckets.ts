/**
 * Durations in exponential buckets, each a fifth longer than the one before it: whatever is read from them is within
 * 10 % of the truth, over any range of times, in some hundred small integers.
 */
const GROWTH = 1.2;
/** Longer than two days is the last one. */
const LAST = 104;

/** A bucket and how many durations are in it. */
export interface BucketCount {
  readonly bucket: number;
  readonly count: number;
}

/** The bucket of a duration: 0 for less than a millisecond. The same formula is in migration 0005. */
export function bucketOf(ms: number): number {
  return ms < 1 ? 0 : Math.min(LAST, Math.floor(Math.log(ms) / Math.log(GROWTH)) + 1);
}

/** The duration that represents a bucket: at most 10 % from any in it. */
function standsFor(bucket: number): number {
  return bucket === 0 ? 0 : GROWTH ** (bucket - 0.5);
}

/** The duration below which the fraction `p` of all lies (nearest rank), within 10 %; null without any. */
export function percentileMs(counts: readonly BucketCount[], p: number): number | null {
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  let left = Math.max(1, Math.ceil(p * total));
  for (const { bucket, count } of counts.toSorted((a, b) => a.bucket - b.bucket)) {
    left -= count;
    if (left <= 0) return Math.round(standsFor(bucket));
  }
  return null;
}
