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
import { NO_SPAN, type OpenSpan, type SpanFacts, type SpanOptions, type Tracing } from './tracing.ts';

export interface OtlpOptions {
  readonly serviceName: string;
  /** Of traces that begin here, how many are recorded: 0 to 1. One that came from elsewhere is as it was there. */
  readonly share: number;
  /** Where `v1/traces` is. Default: what the environment says. */
  readonly url?: string;
}

/** Spans that have said of what they failed. */
const failed = new WeakSet<Span>();

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/** Spans that are sent over OTLP/HTTP, in batches. */
export function otlpTracing({ serviceName, share, url }: OtlpOptions): Tracing {
  const exporter = new OTLPTraceExporter(url === undefined ? {} : { url });
  const provider = new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': serviceName })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer('perdure');
  const going = new AsyncLocalStorage<Span>();

  function parentOf({ parent }: SpanOptions): Context {
    const remote = parseTraceparent(parent);
    if (remote) {
      const { traceId, spanId, sampled } = remote;
      const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
      return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
    }
    const here = going.getStore();
    return here ? trace.setSpan(ROOT_CONTEXT, here) : ROOT_CONTEXT;
  }

  return {
    on: true,
    async span(name, options, work) {
      const span = tracer.startSpan(name, { kind: KINDS[options.kind] }, parentOf(options));
      tell(span, options.facts ?? {});
      try {
        return await going.run(span, () => work(openSpan(span)));
      } catch (error) {
        const { code, name: kind } = describeError(error);
        // What the work itself said of its failure is more exact.
        if (!failed.has(span)) fail(span, code ?? kind);
        throw error;
      } finally {
        span.end();
      }
    },
    here() {
      const span = going.getStore();
      return span ? openSpan(span) : NO_SPAN;
    },
    traceId() {
      const span = going.getStore();
      return span?.isRecording() ? span.spanContext().traceId : undefined;
    },
    traceparent() {
      const context = going.getStore()?.spanContext();
      return context && traceparentOf({ ...context, sampled: (context.traceFlags & TraceFlags.SAMPLED) !== 0 });
    },
    close: async () => provider.shutdown().catch(() => {}),
  };
}

function openSpan(span: Span): OpenSpan {
  return {
    tell: (facts) => tell(span, facts),
    rename: (name) => void span.updateName(name),
    fail: (type) => fail(span, type),
  };
}

function tell(span: Span, facts: SpanFacts): void {
  for (const [name, value] of Object.entries(facts)) if (value !== undefined) span.setAttribute(name, value as string);
}

function fail(span: Span, type: string): void {
  failed.add(span);
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
