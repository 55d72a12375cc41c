import type { RecordCounts, RecordedCounts } from '../../contracts/session/recorded-counts.ts';

/** Sums of recorded counts, as they are stored. */
export interface CountSums {
  /** Number of records. */
  readonly records: number;
  readonly requests: number;
  readonly errors: number;
  readonly processingMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

export const NO_COUNTS: CountSums = { records: 0, requests: 0, errors: 0, processingMs: 0, counters: {} };

/** The sums after one more record. */
export function addCounts(sums: CountSums, { requests = 0, errors = 0, processingTimeMs = 0, counters = {} }: Counts) {
  const added = new Map(Object.entries(sums.counters));
  for (const [name, amount] of Object.entries(counters)) added.set(name, (added.get(name) ?? 0) + amount);
  return {
    records: sums.records + 1,
    requests: sums.requests + requests,
    errors: sums.errors + errors,
    processingMs: sums.processingMs + processingTimeMs,
    counters: Object.fromEntries(added),
  } satisfies CountSums;
}

type Counts = Omit<RecordCounts, 'key'>;

/** Converts sums to their form in the contracts. */
export function recordedCountsOf({
  requests,
  errors,
  processingMs,
  counters,
}: Omit<CountSums, 'records'>): RecordedCounts {
  const names = Object.keys(counters).toSorted();
  return {
    requests,
    errors,
    errorRate: requests === 0 ? null : errors / requests,
    processingTimeMs: processingMs,
    meanMs: requests === 0 ? null : Math.round(processingMs / requests),
    counters: Object.fromEntries(names.map((name) => [name, counters[name] ?? 0])),
  };
}
