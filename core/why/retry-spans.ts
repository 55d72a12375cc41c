import type { WhySpan } from '../../contracts/why.ts';
import type { ModelTry } from './model-tries.ts';

/**
 * What lies between two tries of a model call and is neither a wait for the provider nor a time in which the run was
 * over: `between` holds those. `nowMs` is the time up to which a try that failed last is being waited for; null when
 * the run is over. Pure.
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
  /** Whether it lasts. */
  readonly open: boolean;
}

function pieces(step: number, attempt: number, stretch: Stretch, between: readonly WhySpan[]): WhySpan[] {
  const inside = between.filter(
    ({ startMs, durationMs }) => startMs < stretch.toMs && startMs + durationMs > stretch.fromMs,
  );
  // Nobody waited for another try of a run that was over.
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
