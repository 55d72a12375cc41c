import type { WhySpan } from '../../contracts/why.ts';
import type { ModelTry } from './model-tries.ts';

/**
 * Returns the back-off between the tries of a model call: the time between them minus the spans in `between`, which are
 * waits for the provider and times when the run had ended. `nowMs` ends the back-off after a last try that failed; null
 * when the run has ended. Pure.
 */
export function retrySpans(tries: readonly ModelTry[], between: readonly WhySpan[], nowMs: number | null): WhySpan[] {
  const past = tries.flatMap(({ step, attempt, dueMs, startMs }) =>
    dueMs === null ? [] : pieces(step, attempt, { fromMs: dueMs, toMs: startMs, open: false }, between),
  );
  const last = tries.at(-1);
  const waits = last !== undefined && last.error !== null && last.endMs !== null && nowMs !== null;
  if (!waits) return past;
  const stretch = { fromMs: last.endMs, toMs: nowMs, open: true };
  return [...past, ...pieces(last.step, last.attempt + 1, stretch, between)];
}

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether it is in progress. */
  readonly open: boolean;
}

function pieces(step: number, attempt: number, stretch: Stretch, between: readonly WhySpan[]): WhySpan[] {
  const inside = between.filter(
    ({ startMs, durationMs }) => startMs < stretch.toMs && startMs + durationMs > stretch.fromMs,
  );
  // A run that had ended was not in back-off.
  if (inside.some(({ kind }) => kind === 'stopped')) return [];
  const kind = 'retry';
  const parts = { kind, label: `before attempt ${attempt}`, step, attempt, callId: null, firstTokenMs: null } as const;
  const found: WhySpan[] = [];
  let fromMs = stretch.fromMs;
  for (const { startMs, durationMs } of inside.toSorted((a, b) => a.startMs - b.startMs)) {
    if (startMs > fromMs)
      found.push({ ...parts, startMs: fromMs, durationMs: startMs - fromMs, open: false, error: null });
    fromMs = Math.max(fromMs, startMs + durationMs);
  }
  if (stretch.toMs > fromMs) {
    found.push({ ...parts, startMs: fromMs, durationMs: stretch.toMs - fromMs, open: stretch.open, error: null });
  }
  return found;
}
