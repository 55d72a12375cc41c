import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from './metrics.ts';
import { healthResponse, metricsResponse, readinessResponse } from './operational-responses.ts';

/** How many further ports are tried when the first is in use. */
const MORE_PORTS = 20;

export interface HealthOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** When the port is in use: true takes the next free one, false throws. */
  readonly orNextPort: boolean;
  readonly metrics: Metrics;
  /** The checks of `/readyz`. */
  readonly parts: Readonly<Record<string, () => Promise<boolean>>>;
}

export interface HealthServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Serves `/healthz`, `/readyz` and `/metrics` for a process without a gateway. Rejects with an Error that names the remedy. */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const { host, port: preferred, orNextPort, metrics, parts } = options;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://health');
    const accept = request.headers.accept ?? null;
    respond(pathname, accept, response).catch(() => response.writeHead(500).end());
  });

  async function respond(path: string, accept: string | null, response: ServerResponse): Promise<void> {
    const found = await responseTo(path, accept);
    response.writeHead(found.status, Object.fromEntries(found.headers)).end(await found.text());
  }

  async function responseTo(path: string, accept: string | null): Promise<Response> {
    switch (path) {
      case '/healthz':
        return healthResponse();
      case '/readyz':
        return readinessResponse(parts);
      case '/metrics':
        return metricsResponse(metrics, accept);
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
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
