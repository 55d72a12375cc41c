import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { PerdureError } from '../contracts/errors.ts';

/** Where Temporal and its UI listen unless the port is taken. */
export const DEFAULT_PORTS = { temporal: 7233, ui: 8233 } as const;

/** Every server of the embedded mode listens here and nowhere else. */
export const LOOPBACK = '127.0.0.1';

const PORTS_TRIED = 100;

/** A port to use, and what to tell the user when it is not the one that was preferred. */
export interface ChosenPort {
  readonly port: number;
  readonly note: string | null;
}

/** The preferred port, or the next one above it that nothing listens on. `what` names who will listen, for the note. */
export async function choosePort(preferred: number, what: string): Promise<ChosenPort> {
  const last = Math.min(preferred + PORTS_TRIED, 65_535);
  for (let port = preferred; port <= last; port++) {
    if (await isFree(port)) {
      const note = port === preferred ? null : `Port ${preferred} is in use: ${what} listens on ${port}.`;
      return { port, note };
    }
  }
  throw new PerdureError(
    'temporal_unavailable',
    `The ports ${preferred} to ${last} are all in use, so ${what} cannot start. Free one of them.`,
  );
}

/** Whether a server on loopback could take the port. */
export async function isFree(port: number): Promise<boolean> {
  // Both looks are needed: macOS lets a second server bind 127.0.0.1 beside one on 0.0.0.0.
  return !(await answers(port)) && (await canListen(port));
}

/** A port that nothing listens on, of the system's choice. */
export async function anyPort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port: number): Promise<boolean> {
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
