import { mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile, type FileLock } from './file-lock.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

/** The Temporal server of a data folder, as recorded in its lock. */
export interface ServerRecord extends ProcessIdentity {
  /** `host:port` of its gRPC service. */
  readonly address: string;
  /** Null when it has no UI. */
  readonly uiUrl: string | null;
  /** Path of the program. */
  readonly binary: string;
  /** Fingerprint of its settings: a server with other settings is not adopted. */
  readonly settings: string;
}

/** The content of the file `lock`. */
interface LockRecord {
  readonly owner: ProcessIdentity | null;
  readonly server: ServerRecord | null;
  /** Pids are valid on this host only. */
  readonly host: string;
}

/** Exclusive ownership of the files in a data folder. */
export interface DataLock {
  /** The folder's real path. */
  readonly dataDir: string;
  /** A server left running by a dead owner. Adopt it or end it before opening files in the folder. */
  readonly orphan: ServerRecord | null;
  /** Records the server that uses the folder, or null for none. */
  recordServer(server: ServerRecord | null): void;
  /** Releases the lock. Close everything that uses the folder first. */
  release(): void;
}

/** Another running process owns the data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError';
  /** Null when the owner has not recorded its pid. */
  readonly pid: number | null;

  constructor(dataDir: string, pid: number | null) {
    const [owner, command] = pid === null ? ['another process', ''] : [`process ${pid} of Perdure`, ` (kill ${pid})`];
    super(
      `The data folder ${dataDir} is in use by ${owner}. Stop it${command}, or set PERDURE_DATA to another folder.`,
    );
    this.pid = pid;
  }
}

/** How long to wait for an owner that holds the lock but has not recorded itself yet, or not any more. */
const UNKNOWN_OWNER_WAIT_MS = 1_000;

/**
 * Makes this process the owner of `dataDir`, which is created when missing. A file lock on `lock.held` decides; the file
 * `lock` records owner and server, for people and for the next owner.
 * @throws {DataFolderInUseError} when another running process owns it.
 */
export async function acquireDataLock(dataDir: string): Promise<DataLock> {
  mkdirSync(dataDir, { recursive: true });
  const folder = realpathSync(dataDir);
  const giveUpAt = performance.now() + UNKNOWN_OWNER_WAIT_MS;
  for (;;) {
    const file = tryLockFile(join(folder, 'lock.held'));
    const record = readRecord(folder);
    const owner = runningOwner(record);
    if (file !== null && owner === null) return lockOf(folder, file, record);
    file?.release();
    if (owner !== null || performance.now() > giveUpAt) throw new DataFolderInUseError(folder, owner?.pid ?? null);
    await delay(25);
  }
}

function lockOf(dataDir: string, file: FileLock, record: LockRecord | null): DataLock {
  const orphan = record?.server && record.host === hostname() && isRunning(record.server) ? record.server : null;
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

/** The recorded owner if it runs. Needed where file locks do not work, as on some network file systems. */
function runningOwner(record: LockRecord | null): ProcessIdentity | null {
  return record?.owner && record.host === hostname() && isRunning(record.owner) ? record.owner : null;
}

function readRecord(dataDir: string): LockRecord | null {
  try {
    return JSON.parse(readFileSync(join(dataDir, 'lock'), 'utf8')) as LockRecord;
  } catch {
    // Missing or unreadable: the file lock decides, and servers left behind are found by their arguments.
    return null;
  }
}

function writeRecord(dataDir: string, record: LockRecord): void {
  const path = join(dataDir, 'lock');
  writeFileSync(`${path}.next`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${path}.next`, path);
}
