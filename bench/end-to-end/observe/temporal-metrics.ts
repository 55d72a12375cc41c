import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Counts of a Temporal server's calls to its database, by operation. */
export type PersistenceCounts = Readonly<Record<string, number>>;

/** The operations that write an execution or its tasks. Others read, or keep the server's own records. */
const WRITES = [
  'CreateWorkflowExecution',
  'UpdateWorkflowExecution',
  'ConflictResolveWorkflowExecution',
  'SetWorkflowExecution',
  'CreateTasks',
];

/**
 * Reads the metrics of a development server, which serves them on a random port: one of those on which the process
 * listens. Resolves with undefined where there is no `/proc` to find it by.
 */
export async function readPersistence(pid: number): Promise<PersistenceCounts | undefined> {
  for (const port of listeningPorts(pid)) {
    const text = await metricsAt(port);
    if (text?.includes('persistence_requests')) return countsIn(text);
  }
  return undefined;
}

/** The calls between two readings. */
export function callsBetween(before: PersistenceCounts, after: PersistenceCounts): PersistenceCounts {
  const calls = Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(calls.filter(([, count]) => count > 0));
}

/** How many of the calls write an execution or its tasks. */
export function writesIn(calls: PersistenceCounts): number {
  return WRITES.reduce((sum, name) => sum + (calls[name] ?? 0), 0);
}

/** Adds up the services of the server, each of which has a line for an operation. */
function countsIn(text: string): PersistenceCounts {
  const counts: Record<string, number> = {};
  for (const [, labels = '', value] of text.matchAll(/^persistence_requests(?:_total)?\{([^}]*)\} (\S+)$/gm)) {
    const [, operation] = /\boperation="([^"]+)"/.exec(labels) ?? [];
    if (operation !== undefined) counts[operation] = (counts[operation] ?? 0) + Number(value);
  }
  return counts;
}

async function metricsAt(port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return response.ok ? await response.text() : undefined;
  } catch {
    // Another protocol.
    return undefined;
  }
}

/** The TCP ports on which a process listens. */
function listeningPorts(pid: number): number[] {
  try {
    const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)));
    const lines = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/${pid}/net/${name}`, 'utf8').split('\n'));
    const ports = lines.flatMap((line) => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      return state === LISTEN && sockets.has(`socket:[${inode}]`) ? [portIn(local ?? '')] : [];
    });
    return [...new Set(ports)];
  } catch {
    return [];
  }
}

/** The state of a listening socket in proc_net_tcp(5). */
const LISTEN = '0A';

/** The port of an address such as `0100007F:1F90`. */
function portIn(address: string): number {
  return Number.parseInt(address.split(':').at(-1) ?? '', 16);
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
