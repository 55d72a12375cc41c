/** A summary of measurements. */
export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** The quantile at `share` (0 to 1), by nearest rank. NaN without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function summarize(values: readonly number[]): Summary {
  const at = (share: number) => percentile(values, share);
  return { count: values.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** The median. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/**
 * The ratio of measured values to `base`: the median over pairs of blocks that were measured in succession, so that
 * temporary load on the machine affects both.
 */
export function ratioOfBlocks(
  measured: readonly (readonly number[])[],
  base: readonly (readonly number[])[],
  of: (block: readonly number[]) => number = median,
): number {
  return median(measured.map((block, index) => of(block) / of(base[index] ?? [])));
}
