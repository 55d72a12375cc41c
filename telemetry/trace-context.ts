/** W3C trace context, version 00. `spanId` is the parent span. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Null if `text` is not a valid `traceparent`; the caller then starts a new trace. */
export function parseTraceparent(text: unknown): TraceContext | null {
  if (typeof text !== 'string') return null;
  const [, traceId = '', spanId = '', flags = '0'] = TRACEPARENT.exec(text) ?? [];
  return traceId === '' ? null : { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function traceparentOf({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}
