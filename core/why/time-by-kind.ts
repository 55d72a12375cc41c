import type { SpanKind, WhySpan } from '../../contracts/why.ts';

/** The kind to which a moment covered by several spans counts: work before waits, waits before overhead. */
const RANK: readonly SpanKind[] = [
  'tool',
  'model',
  'context',
  'approval',
  'client',
  'limit',
  'circuit',
  'retry',
  'stopped',
  'queue',
  'overhead',
];

/** Sums the time of spans by kind, largest first. Each moment counts once, so the sums add up to the covered time. Pure. */
export function timeByKind(spans: readonly WhySpan[]): { readonly kind: SpanKind; readonly durationMs: number }[] {
  const edges = [...new Set(spans.flatMap(({ startMs, durationMs }) => [startMs, startMs + durationMs]))].toSorted(
    (a, b) => a - b,
  );
  const sums = new Map<SpanKind, number>();
  for (const [index, fromMs] of edges.entries()) {
    const toMs = edges[index + 1] ?? fromMs;
    const here = spans.filter(({ startMs, durationMs }) => startMs <= fromMs && toMs <= startMs + durationMs);
    const kind = RANK.find((one) => here.some((span) => span.kind === one));
    if (kind !== undefined && toMs > fromMs) sums.set(kind, (sums.get(kind) ?? 0) + toMs - fromMs);
  }
  return [...sums]
    .map(([kind, durationMs]) => ({ kind, durationMs }))
    .toSorted((a, b) => b.durationMs - a.durationMs || RANK.indexOf(a.kind) - RANK.indexOf(b.kind));
}
