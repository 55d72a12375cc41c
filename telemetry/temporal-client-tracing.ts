import type { Headers, WorkflowClientInterceptor } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { TRACE_HEADER } from '../contracts/names.ts';
import type { Tracing } from './tracing.ts';

/** Propagates the active trace to workflows, in the header that Temporal's own OpenTelemetry packages use. */
export function clientTracing(tracing: Tracing): WorkflowClientInterceptor {
  const traced = (headers: Headers): Headers => {
    const traceparent = tracing.traceparent();
    if (traceparent === undefined) return headers;
    return { ...headers, [TRACE_HEADER]: defaultPayloadConverter.toPayload({ traceparent }) };
  };
  return {
    startUpdateWithStart: (input, next) => next({ ...input, updateHeaders: traced(input.updateHeaders) }),
    startUpdate: (input, next) => next({ ...input, headers: traced(input.headers) }),
    signalWithStart: (input, next) => next({ ...input, headers: traced(input.headers) }),
    signal: (input, next) => next({ ...input, headers: traced(input.headers) }),
  };
}

/** The `traceparent` in the headers of a message or an activity; null if it is absent or malformed. */
export function traceparentIn(headers: Headers): string | null {
  const payload = headers[TRACE_HEADER];
  if (!payload) return null;
  try {
    const carrier = defaultPayloadConverter.fromPayload<{ traceparent?: unknown } | null>(payload);
    return typeof carrier?.traceparent === 'string' ? carrier.traceparent : null;
  } catch {
    return null;
  }
}
