import { mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile, type FileLock } from './file-lock.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

/** A Temporal server that works on a data folder, as its lock names it. */
export interface ServerRecord extends ProcessIdentity {
  /** `host:port` of its gRPC service. */
  readonly address: string;
  /** Null when it has no UI. */
  readonly uiUrl: string | null;
  /** Path of the program. */
  readonly binary: string;
  /** Fingerprint of its settings; a server started with others is not adopted. */
  readonly settings: string;
}

/** What the file `lock` says. */
interface LockRecord {
  readonly owner: ProcessIdentity | null;
  readonly server: ServerRecord | null;
  /** Pids mean something on this host only. */
  readonly host: string;
}

/** The right to open the files in a data folder. */
export interface DataLock {
  /** The folder's real path. */
  readonly dataDir: string;
  /** A server that a dead owner left running; its owner must adopt it or end it before opening its files. */
  readonly orphan: ServerRecord | null;
  /** Names the server that now works on the folder, or none. */
  recordServer(server: ServerRecord | null): void;
  /** Lets go. Everything that uses the folder must have been closed. */
  release(): void;
}

/** Another live process owns the data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError';
  /** Null when the owner has not named itself. */
  readonly pid: number | null;

  constructor(dataDir: string, pid: number | null) {
    const [who, how] = pid === null ? ['another process', 'it'] : [`the Perdure process ${pid}`, `it (kill ${pid})`];
    super(`The data folder ${dataDir} is in use by ${who}. Stop ${how} first, or choose another data folder.`);
    this.pid = pid;
  }
}

/** How long a start waits for an owner that holds the folder but is not, or no longer, named. */
const PATIENCE_MS = 1_000;

/**
 * Makes this process the owner of `dataDir` (made when absent). The system's own lock on `lock.held`
 * decides who that is; the file `lock` says it to people and names the server.
 * @throws {DataFolderInUseError} when a live process owns it.
 */
export async function acquireDataLock(dataDir: string): Promise<DataLock> {
  mkdirSync(dataDir, { recursive: true });
  const folder = realpathSync(dataDir);
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const file = tryLockFile(join(folder, 'lock.held'));
    const left = readRecord(folder);
    const owner = liveOwner(left);
    if (file !== null && owner === null) return lockOf(folder, file, left);
    file?.release();
    if (owner !== null || performance.now() > giveUpAt) throw new DataFolderInUseError(folder, owner?.pid ?? null);
    await delay(25);
  }
}

function lockOf(dataDir: string, file: FileLock, left: LockRecord | null): DataLock {
  const orphan = left?.server && left.host === hostname() && isRunning(left.server) ? left.server : null;
  const write = (owner: ProcessIdentity | null, server: ServerRecord | null): void =>
    writeRecord(dataDir, { owner, server, host: hostname() });
  const owner = identityOf(process.pid);
  let server = orphan;
  write(owner, server);
  return {
    dataDir,
    orphan,
    recordServer(next) {
      server = next;
      write(owner, server);
    },
    release() {
      write(null, server);
      file.release();
    },
  };
}

/** The owner if it runs. Where the system's lock does not reach (some network folders) this is what is left to go by. */
function liveOwner(record: LockRecord | null): ProcessIdentity | null {
  return record?.owner && record.host === hostname() && isRunning(record.owner) ? record.owner : null;
}

function readRecord(dataDir: string): LockRecord | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8')) as LockRecord;
  } catch {
    // Absent, or not ours: the system's lock has decided already, and strays are looked for by their arguments.
    return null;
  }
}

function writeRecord(dataDir: string, record: LockRecord): void {
  const path = join(dataDir, 'lock');
  writeFileSync(`${path}.next`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${path}.next`, path);
}
