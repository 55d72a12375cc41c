import type { WhySpan } from '../../contracts/why.ts';

/** Clips the spans to 0 … `wallMs`, sorts them by start, and fills each gap with a named `overhead` span. Pure. */
export function fillGaps(spans: readonly WhySpan[], wallMs: number): WhySpan[] {
  const filled: WhySpan[] = [];
  let coveredMs = 0;
  let before: WhySpan | null = null;
  for (const span of spans.map((one) => cut(one, wallMs)).toSorted(byStart)) {
    if (span.startMs > coveredMs) filled.push(gap(coveredMs, span.startMs, before, span));
    filled.push(span);
    const endMs = span.startMs + span.durationMs;
    if (endMs >= coveredMs) before = span;
    coveredMs = Math.max(coveredMs, endMs);
  }
  if (wallMs > coveredMs) filled.push(gap(coveredMs, wallMs, before, null));
  return filled;
}

function byStart(a: WhySpan, b: WhySpan): number {
  return a.startMs - b.startMs || a.durationMs - b.durationMs;
}

function cut(span: WhySpan, wallMs: number): WhySpan {
  const startMs = Math.min(Math.max(0, span.startMs), wallMs);
  return { ...span, startMs, durationMs: Math.max(0, Math.min(span.startMs + span.durationMs, wallMs) - startMs) };
}

function gap(startMs: number, endMs: number, before: WhySpan | null, after: WhySpan | null): WhySpan {
  const none = { step: null, attempt: null, callId: null, firstTokenMs: null, error: null, open: false };
  const label = `${nameOf(before, 'start')} to ${after?.kind === 'stopped' ? 'end' : nameOf(after, 'end')}`;
  return { ...none, kind: 'overhead', label, startMs, durationMs: endMs - startMs };
}

function nameOf(span: WhySpan | null, none: string): string {
  if (span === null) return none;
  if (span.kind === 'queue' || span.kind === 'stopped') return 'start';
  return span.kind === 'model' ? `step ${span.step}` : span.label;
}
