import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { otlpTracing } from '../../telemetry/otlp-tracing.ts';
import type { Tracing } from '../../telemetry/tracing.ts';

/** A span as received by OTLP. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

export interface OtlpReceiver extends AsyncDisposable {
  readonly url: string;
  /** A tracing that exports to this receiver. */
  readonly tracing: Tracing;
  /** Closes `tracing`, and resolves with all received spans. */
  spans(): Promise<ReceivedSpan[]>;
  /** The received bodies, unparsed. */
  text(): string;
}

interface Wire {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[] }[];
}
interface WireSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly status: { readonly code?: number };
}

/** Starts a receiver for OTLP/HTTP in JSON on loopback. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') bodies.push(Buffer.concat(chunks).toString());
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tracing = otlpTracing({ serviceName: 'perdure', share: 1, url: `${url}/v1/traces` });
  return {
    url,
    tracing,
    async spans() {
      await tracing.close();
      return bodies.flatMap((body) =>
        (JSON.parse(body) as Wire).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans.map(received)),
        ),
      );
    },
    text: () => bodies.join('\n'),
    async [Symbol.asyncDispose]() {
      await tracing.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

function received({ name, traceId, spanId, parentSpanId, attributes, status }: WireSpan): ReceivedSpan {
  return {
    name,
    traceId,
    spanId,
    parentSpanId: parentSpanId || null,
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    failed: status.code === 2,
  };
}
