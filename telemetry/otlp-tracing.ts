import { AsyncLocalStorage } from 'node:async_hooks';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type Context, type Span } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { describeError } from './log-fields.ts';
import { parseTraceparent, traceparentOf } from './trace-context.ts';
import { NO_SPAN, type OpenSpan, type SpanAttributes, type SpanOptions, type Tracing } from './tracing.ts';

export interface OtlpOptions {
  readonly serviceName: string;
  /** The sampled share of the traces that start here, 0 to 1. A remote parent's sampling decision is kept. */
  readonly share: number;
  /** The URL of the collector's `v1/traces`. Default: from the environment. */
  readonly url?: string;
}

/** Spans whose error type is set. */
const failed = new WeakSet<Span>();

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/** Exports spans over OTLP/HTTP, in batches. */
export function otlpTracing({ serviceName, share, url }: OtlpOptions): Tracing {
  const exporter = new OTLPTraceExporter(url === undefined ? {} : { url });
  const provider = new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': serviceName })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('perdure');
  const active = new AsyncLocalStorage<Span>();

  function parentOf({ parent }: SpanOptions): Context {
    const remote = parseTraceparent(parent);
    if (remote) {
      const { traceId, spanId, sampled } = remote;
      const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
      return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
    }
    const span = active.getStore();
    return span ? trace.setSpan(ROOT_CONTEXT, span) : ROOT_CONTEXT;
  }

  return {
    on: true,
    async span(name, options, work) {
      const span = tracer.startSpan(name, { kind: KINDS[options.kind] }, parentOf(options));
      setAttributes(span, options.attributes ?? {});
      try {
        return await active.run(span, () => work(openSpan(span)));
      } catch (error) {
        const { code, name: kind } = describeError(error);
        // An error type that the work has set is more specific.
        if (!failed.has(span)) fail(span, code ?? kind);
        throw error;
      } finally {
        span.end();
      }
    },
    async within(parent, work) {
      const remote = trace.getSpan(parentOf({ kind: 'internal', parent }));
      return remote ? active.run(remote, work) : work();
    },
    activeSpan() {
      const span = active.getStore();
      return span ? openSpan(span) : NO_SPAN;
    },
    traceId() {
      const span = active.getStore();
      return span?.isRecording() ? span.spanContext().traceId : undefined;
    },
    traceparent() {
      const context = active.getStore()?.spanContext();
      return context && traceparentOf({ ...context, sampled: (context.traceFlags & TraceFlags.SAMPLED) !== 0 });
    },
    close: async () => provider.shutdown().catch(() => {}),
  };
}

function openSpan(span: Span): OpenSpan {
  return {
    setAttributes: (attributes) => setAttributes(span, attributes),
    rename: (name) => void span.updateName(name),
    fail: (type) => fail(span, type),
  };
}

function setAttributes(span: Span, attributes: SpanAttributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) span.setAttribute(name, value as string);
  }
}

function fail(span: Span, type: string): void {
  failed.add(span);
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
