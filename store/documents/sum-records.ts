import { LIMITS } from '../../contracts/limits.ts';
import { addCounts, NO_COUNTS, type CountSums } from '../../core/session/sum-counts.ts';
import type { ImportRows } from './import-schema.ts';

/** Sums the records of a document anew, so that no sum of a document is believed. Null for none. */
export function sumRecords(rows: ImportRows['recorded_counts']): CountSums | 'too_large' | null {
  if (rows.length === 0) return null;
  if (rows.length > LIMITS.recordsPerSession.value) return 'too_large';
  const sums = rows.reduce<CountSums>(
    (all, { processing_ms: processingTimeMs, ...row }) => addCounts(all, { ...row, processingTimeMs }),
    NO_COUNTS,
  );
  return Object.keys(sums.counters).length > LIMITS.countersPerSession.value ? 'too_large' : sums;
}
