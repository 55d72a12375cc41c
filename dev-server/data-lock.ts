import { readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PerdureError } from '../contracts/errors.ts';
import { tryLockFile, type FileLock } from './file-lock.ts';
import { makePrivateFolder } from './private-folder.ts';
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
  /** URL of the owner's gateway. Older versions do not record it. */
  readonly gateway?: string | null;
  /** Whether the owner is stopping. Older versions do not record it. */
  readonly stopping?: boolean;
  /** Pids are valid on this host only. */
  readonly host: string;
}

/** What the process that owns a data folder has recorded. */
export interface OwnerState {
  readonly pid: number;
  /** `host:port` of its Temporal server; null without one of its own. */
  readonly temporalAddress: string | null;
  /** URL of that server's UI; null if it is off. */
  readonly uiUrl: string | null;
  /** URL of its gateway; null before it listens. */
  readonly gatewayUrl: string | null;
}

/** Exclusive ownership of the files in a data folder. */
export interface DataLock {
  /** The folder's real path. */
  readonly dataDir: string;
  /** A server left running by a dead owner. Adopt it or end it before opening files in the folder. */
  readonly orphan: ServerRecord | null;
  /** Records the server that uses the folder, or null for none. */
  recordServer(server: ServerRecord | null): void;
  /** Records the URL of the owner's gateway. */
  recordGateway(url: string): void;
  /** Records that the owner is stopping: another process then waits for it. */
  recordStopping(): void;
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

/** Returns what the running owner of a data folder has recorded; null if no process on this host owns it. Changes nothing. */
export function ownerOf(dataDir: string): OwnerState | null {
  const record = readRecord(dataDir);
  const owner = runningOwner(record);
  if (owner === null || record === null) return null;
  const { server } = record;
  return {
    pid: owner.pid,
    temporalAddress: server?.address ?? null,
    uiUrl: server?.uiUrl ?? null,
    gatewayUrl: record.gateway ?? null,
  };
}

/** How long to wait for an owner: it may have been killed and not have ended yet, or not have recorded itself yet, or not any more. */
const OWNER_WAIT_MS = 1_000;

/** How long to wait for an owner that is stopping. It takes longer if a run in progress does. */
const STOPPING_OWNER_WAIT_MS = 15_000;

/**
 * Makes this process the owner of `dataDir`, which is created when missing and restricted to its owner. A file lock on `lock.held` decides; the file
 * `lock` records owner and server, for people and for the next owner. An owner that is stopping is waited for; `onWait` is called with a
 * line before.
 * @throws {DataFolderInUseError} when another running process owns it.
 * @throws {PerdureError} `store_unavailable` when it cannot be created or written.
 */
export async function acquireDataLock(dataDir: string, onWait?: (line: string) => void): Promise<DataLock> {
  try {
    return await acquire(dataDir, onWait);
  } catch (error) {
    if (error instanceof DataFolderInUseError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new PerdureError(
      'store_unavailable',
      `The data folder ${dataDir} cannot be used (${reason}). Set PERDURE_DATA to a folder that this user can create and write.`,
      { cause: error },
    );
  }
}

async function acquire(dataDir: string, onWait?: (line: string) => void): Promise<DataLock> {
  makePrivateFolder(dataDir);
  const folder = realpathSync(dataDir);
  const startedAt = performance.now();
  let isWaiting = false;
  for (;;) {
    const file = tryLockFile(join(folder, 'lock.held'));
    const record = readRecord(folder);
    const owner = runningOwner(record);
    if (file !== null && owner === null) return lockOf(folder, file, record);
    file?.release();
    const isStopping = owner !== null && record?.stopping === true;
    const waitMs = isStopping ? STOPPING_OWNER_WAIT_MS : OWNER_WAIT_MS;
    if (performance.now() - startedAt > waitMs) throw new DataFolderInUseError(folder, owner?.pid ?? null);
    if (isStopping && !isWaiting)
      onWait?.(`Waiting for process ${owner.pid}, which has the data folder and is stopping`);
    isWaiting ||= isStopping;
    await delay(25);
  }
}

function lockOf(dataDir: string, file: FileLock, record: LockRecord | null): DataLock {
  const orphan = record?.server && record.host === hostname() && isRunning(record.server) ? record.server : null;
  let owner: ProcessIdentity | null = identityOf(process.pid);
  let server = orphan;
  let gateway: string | null = null;
  let stopping = false;
  const write = (): void => writeRecord(dataDir, { owner, server, gateway, stopping, host: hostname() });
  write();
  return {
    dataDir,
    orphan,
    recordServer(next) {
      server = next;
      write();
    },
    recordGateway(url) {
      gateway = url;
      write();
    },
    recordStopping() {
      stopping = true;
      write();
    },
    release() {
      owner = null;
      gateway = null;
      stopping = false;
      write();
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
  writeFileSync(`${path}.next`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.next`, path);
}
