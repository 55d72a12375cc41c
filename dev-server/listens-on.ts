import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
  return read(path)
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === '0A' && local?.endsWith(suffix))
    .map((fields) => `socket:[${fields[9]}]`);
}

function holdsOne(pid: number, sockets: ReadonlySet<string>): boolean {
  return list(`/proc/${pid}/fd`).some((fd) => {
    try {
      return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return false;
    }
  });
}

/** The other processes of a group, as a program that is a script may start. */
function groupOf(leader: number): number[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== leader)
    .filter((name) => {
      const stat = read(`/proc/${name}/stat`);
      // proc(5): the name in parentheses may contain anything. State, parent and group follow it.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2] === String(leader);
    })
    .map(Number);
}

/** A process may end at any time: what is gone is empty. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
