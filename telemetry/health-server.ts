import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpUrl } from '../core/text/http-url.ts';
import type { Metrics } from './metrics.ts';
import { healthResponse, mayReadMetrics, metricsResponse, readinessResponse } from './operational-responses.ts';

/** How many further ports are tried when the first is in use. */
const MORE_PORTS = 20;

export interface HealthOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** When the port is in use: true takes the next free one, false throws. */
  readonly orNextPort: boolean;
  readonly metrics: Metrics;
  /** Bearer token that `/metrics` requires. Default: none. */
  readonly metricsToken?: string | undefined;
  /** The checks of `/readyz`. */
  readonly parts: Readonly<Record<string, () => Promise<boolean>>>;
  /** Extends the body of `/readyz`. */
  readonly details?: () => object;
}

export interface HealthServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/healthz`, `/readyz` and `/metrics` for a process without a gateway. Rejects with an Error that names the remedy. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const { host, port: preferred, orNextPort, metrics, metricsToken, parts, details } = options;
  const server = createServer((request, response) => {
    // Not parsed as a URL: a client can send any text as the target.
    const [path = ''] = (request.url ?? '').split('?', 1);
    respond(path, request.headers, response).catch(() => response.destroy());
  });

  async function respond(path: string, headers: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
    const found = await responseTo(path, headers).catch(() => new Response(null, { status: 500 }));
    const body = await found.text();
    response.writeHead(found.status, Object.fromEntries(found.headers)).end(body);
  }

  async function responseTo(path: string, { accept, authorization }: IncomingHttpHeaders): Promise<Response> {
    switch (path) {
      case '/healthz':
        return healthResponse();
      case '/readyz':
        return readinessResponse(parts, details);
      case '/metrics':
        if (mayReadMetrics(metricsToken, authorization)) return metricsResponse(metrics, accept ?? null);
        return Response.json({ status: 'Send the bearer token of PERDURE_METRICS_TOKEN.' }, { status: 401 });
      default:
        return Response.json({ status: 'Not found. This server has /healthz, /readyz and /metrics.' }, { status: 404 });
    }
  }

  const more = orNextPort && preferred !== 0 ? MORE_PORTS : 0;
  for (let port = preferred; ; port += 1) {
    const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject).listen(port, host, resolve);
    try {
      await listening;
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (port < preferred + more) continue;
      throw new Error(
        `Port ${port} on ${host} is in use. Stop the process that uses it, or set PERDURE_METRICS_PORT to another port or to off.`,
        { cause: error },
      );
    } finally {
      server.off('error', reject);
    }
  }
  // A connection could not be accepted, for example for lack of file descriptors. The server goes on listening.
  server.on('error', () => {});
  const { port } = server.address() as AddressInfo;
  return {
    url: httpUrl(host, port),
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
