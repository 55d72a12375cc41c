import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { hasCode, identityOf, type ProcessIdentity } from './process-identity.ts';
import { baseEnv } from './child-env.ts';
import { dataFolderArgument } from './temporal-settings.ts';

/**
 * The Temporal servers on a data folder, which is given by its real path, found by their command lines, independently of any lock: an owner can be
 * killed after it has started a server and before it has recorded it. Always empty on Windows.
 */
export function findTemporalServers(dataDir: string): ProcessIdentity[] {
  if (process.platform === 'linux') return linuxServersOn(dataDir);
  if (process.platform === 'win32') return [];
  const list = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,args='], {
    encoding: 'utf8',
    env: baseEnv(process.env),
  });
  return list
    .split('\n')
    .filter((line) => line.includes(' start-dev ') && `${line} `.includes(` ${dataFolderArgument(dataDir)} `))
    .map((line) => identityOf(Number.parseInt(line, 10)));
}

function linuxServersOn(dataDir: string): ProcessIdentity[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => serves(argumentsOf(pid), dataDir) && seesSameFolder(pid, dataDir))
    .map((pid) => identityOf(Number(pid)));
}

function serves(args: readonly string[], dataDir: string): boolean {
  return args.includes('start-dev') && args.includes(dataFolderArgument(dataDir));
}

function argumentsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** False for a process in a container where the path is another folder. */
function seesSameFolder(pid: string, folder: string): boolean {
  try {
    const [theirs, ours] = [statSync(`/proc/${pid}/root${folder}`), statSync(folder)];
    return theirs.ino === ours.ino && theirs.dev === ours.dev;
  } catch (error) {
    // A process that may not be inspected counts: an error is better than two servers on one file.
    return hasCode(error, 'EACCES');
  }
}
