/** W3C trace context, version 00: the trace, the span that is the parent, and whether it is recorded. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Null for anything that is no `traceparent`: a trace then begins anew. */
export function parseTraceparent(text: unknown): TraceContext | null {
  if (typeof text !== 'string') return null;
  const [, traceId = '', spanId = '', flags = '0'] = TRACEPARENT.exec(text) ?? [];
  return traceId === '' ? null : { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceparentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
