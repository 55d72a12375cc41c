import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';

/** The summary with which a context begins. */
export type ContextSummary = Extract<PerdureEvent, { type: 'context.summarized' }>;

/** Where the range of a summary ends: with a run, or with one of its steps. */
export type SummaryEnd = Pick<ContextSummary, 'throughRunId' | 'throughSeq' | 'throughStep'>;

/** Whether a summary stands for all of a run. */
export function coversRun({ throughSeq, throughStep }: SummaryEnd, startedSeq: number): boolean {
  return startedSeq < throughSeq || (startedSeq === throughSeq && throughStep === null);
}

/**
 * The number of a run's first entries that a summary stands for: up to the last one of its step `throughStep`, and the messages
 * before it.
 */
export function coveredEntries(
  end: SummaryEnd | null,
  { startedSeq, entries }: { readonly startedSeq: number; readonly entries: readonly TranscriptEntry[] },
): number {
  if (end === null || startedSeq > end.throughSeq) return 0;
  if (coversRun(end, startedSeq)) return entries.length;
  const { throughStep } = end;
  return entries.findLastIndex((entry) => entry.role !== 'user' && entry.step <= (throughStep ?? 0)) + 1;
}
