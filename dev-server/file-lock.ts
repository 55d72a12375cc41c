import { DatabaseSync } from 'node:sqlite';

/** A lock that its process holds until it lets go or ends. */
export interface FileLock {
  release(): void;
}

/** Open handles are kept here: a collected handle would let go of its lock. */
const held = new Set<DatabaseSync>();

const SQLITE_BUSY = 5;

/**
 * Takes an exclusive lock on a file of its own (made when absent, never removed), or returns null when
 * another process, or this one, holds it. The system lets go when the holder ends in any way, `kill -9`
 * too, so a lock is never stale. Node has no `flock`; SQLite, which it has, locks a file on every platform.
 */
export function tryLockFile(path: string): FileLock | null {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
  held.add(database);
  return {
    release() {
      if (held.delete(database)) database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}
