import type { Server } from 'node:http';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { httpUrl } from '../core/text/http-url.ts';
import type { Gateway } from './create-gateway.ts';
import { isLoopback } from './http/loopback.ts';
import { answerMalformedRequests } from './http/malformed-request.ts';

/** Further ports to try when the port is in use. */
const MORE_PORTS = 20;
/** Time for open requests to finish when the server closes. */
const CLOSE_TIMEOUT_MS = 5_000;

export interface ServeOptions {
  readonly gateway: Pick<Gateway, 'fetch' | 'authenticated'> & { readonly close: () => void | Promise<void> };
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Default 4747; 0 for any free port. */
  readonly port?: number | undefined;
  /** Whether to use the next free port when this one is in use. Default false: throws. */
  readonly orNextPort?: boolean | undefined;
}

export interface ServedGateway {
  readonly url: string;
  readonly port: number;
  /** Stops accepting requests, ends the streams, and waits up to 5 s for open requests. */
  readonly close: () => Promise<void>;
}

/** Serves a gateway. Rejects with an Error that names host, port and remedy. */
export async function serveGateway(options: ServeOptions): Promise<ServedGateway> {
  const { gateway, host = '127.0.0.1', port = 4747, orNextPort = false } = options;
  if (!gateway.authenticated && !isLoopback(host)) {
    throw new Error(
      `The gateway does not listen on ${host} without authentication: anyone on that network could read and change every session. Set auth.keys or auth.jwt in the deployment file, or PERDURE_TOKENS; or listen on 127.0.0.1.`,
    );
  }
  const fetch = (request: Request, { incoming }: HttpBindings): Response | Promise<Response> =>
    gateway.fetch(request, {
      address: incoming.socket.remoteAddress,
      disconnect: () => void incoming.socket.destroy(),
      body: incoming,
    });
  const server = createAdaptorServer({ fetch: fetch as never, overrideGlobalObjects: false }) as Server;
  answerMalformedRequests(server);
  const taken = await listenFrom(server, host, port, orNextPort && port !== 0 ? MORE_PORTS : 0);
  // A connection could not be accepted, for example for lack of file descriptors. The server goes on listening.
  server.on('error', () => {});
  return { url: httpUrl(host, taken), port: taken, close: async () => close(server, gateway) };
}

async function listenFrom(server: Server, host: string, port: number, more: number): Promise<number> {
  for (let candidate = port; ; candidate += 1) {
    try {
      await listen(server, host, candidate);
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : candidate;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw listenError(error, host, port);
      if (candidate < port + more) continue;
      const which = more === 0 ? `Port ${port}` : `Every port from ${port} to ${candidate}`;
      throw new Error(
        `${which} on ${host} is in use. Stop the program that uses it, or set PERDURE_PORT to another port.`,
        {
          cause: error,
        },
      );
    }
  }
}

/** Names the setting of an address that is not this machine's, a name that does not resolve, or a port that needs privileges. */
function listenError(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES') {
    const remedy = 'Set PERDURE_PORT to a port above 1023.';
    return new Error(`The gateway may not listen on port ${port} (EACCES). ${remedy}`, { cause: error });
  }
  if (code === undefined || !['ENOTFOUND', 'EADDRNOTAVAIL', 'EAI_AGAIN', 'EINVAL'].includes(code)) return error;
  return new Error(
    `The gateway cannot listen on ${JSON.stringify(host)} (${code}). Set PERDURE_HOST to an address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0.`,
    { cause: error },
  );
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function close(server: Server, gateway: ServeOptions['gateway']): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  const ended = gateway.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS);
  await Promise.all([closed, ended]);
  clearTimeout(timer);
}
