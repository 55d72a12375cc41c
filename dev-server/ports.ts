import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { PerdureError } from '../contracts/errors.ts';

/** Default ports of a new data folder; the next free one is used instead of one in use. */
export const DEFAULT_PORTS = { temporal: 7233, ui: 8233 } as const;

/** The embedded mode's servers and the SDK's metrics listen on this address only. */
export const LOOPBACK = '127.0.0.1';

const MAX_PORTS = 100;

/** A free port, with a note for the user when it is not the preferred one. */
export interface ChosenPort {
  readonly port: number;
  readonly note: string | null;
}

/** Returns the preferred port or the next free one above it. `what` names the server in the note. */
export async function choosePort(preferred: number, what: string): Promise<ChosenPort> {
  const last = Math.min(preferred + MAX_PORTS, 65_535);
  for (let port = preferred; port <= last; port++) {
    if (await isFree(port)) {
      const note = port === preferred ? null : `Port ${preferred} is in use; ${what} listens on ${port} from now on.`;
      return { port, note };
    }
  }
  throw new PerdureError(
    'temporal_unavailable',
    `${what} cannot start: the ports ${preferred} to ${last} are all in use. Free one of them.`,
  );
}

/** Whether a server can listen on a port of the loopback address. */
export async function isFree(port: number): Promise<boolean> {
  // Both checks are needed: macOS lets a server bind 127.0.0.1 while another listens on 0.0.0.0.
  return !(await acceptsConnections(port)) && (await canListen(port));
}

/** Returns a free port chosen by the system. */
export async function anyPort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function acceptsConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: LOOPBACK, timeout: 1_000 });
  try {
    const [outcome] = await Promise.race([
      once(socket, 'connect').then(() => ['connect']),
      once(socket, 'timeout').then(() => ['timeout']),
    ]);
    return outcome === 'connect';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, host: LOOPBACK, exclusive: true });
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
