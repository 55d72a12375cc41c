import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** A lock held by this process until it is released or the process ends. */
export interface FileLock {
  release(): void;
}

/** Keeps handles open: garbage collection of a handle would release its lock. */
const held = new Set<DatabaseSync>();

const SQLITE_BUSY = 5;

/**
 * Locks a file, which is created when missing and never removed. Returns null when another process, or this one, holds
 * the lock. The system releases it when its process ends in any way, `kill -9` included, so a lock is never stale. Node
 * has no `flock`, but its SQLite locks files on every platform.
 */
export function tryLockFile(path: string): FileLock | null {
  // SQLite would create it readable to other users.
  closeSync(openSync(path, 'a', 0o600));
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
