import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { PerdureError } from '../contracts/errors.ts';
import { linuxStatus } from './process-identity.ts';

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

/**
 * Whether a process, or another one of the group that it leads, listens on a TCP port. Null where the system does not show that: it is
 * read from `/proc` on Linux only.
 */
export function listensOn(pid: number, port: number): boolean | null {
  if (process.platform !== 'linux') return null;
  const sockets = new Set(['tcp', 'tcp6'].flatMap((name) => listeners(`/proc/${pid}/net/${name}`, port)));
  if (sockets.size === 0) return false;
  return holdsOne(pid, sockets) || groupOf(pid).some((member) => holdsOne(member, sockets));
}

/** proc_net(5): the local address is the second field, the state the fourth (0A: listening), the inode the tenth. */
function listeners(path: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return unlessGone(() => readFileSync(path, 'utf8'), '')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local?.endsWith(suffix))
    .map((fields) => `socket:[${fields[9]}]`);
}

function holdsOne(pid: number, sockets: ReadonlySet<string>): boolean {
  return list(`/proc/${pid}/fd`).some((fd) => sockets.has(unlessGone(() => readlinkSync(`/proc/${pid}/fd/${fd}`), '')));
}

/** The processes of a group, as a program that is a script may start. */
function groupOf(leader: number): number[] {
  const isMember = (pid: number): boolean => unlessGone(() => linuxStatus(pid)[2], '') === String(leader);
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(isMember);
}

function list(path: string): string[] {
  return unlessGone(() => readdirSync(path), []);
}

/** What is read of a process, which may end at any time; `otherwise` when it has. */
function unlessGone<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
