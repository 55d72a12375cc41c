import { setTimeout as delay } from 'node:timers/promises';
import type { Db, Tx } from '../db/db.ts';

/** How long a migration waits for a lock of a table or a row. Statements that arrive meanwhile wait behind it. */
const LOCK_MS = 2_000;
/** How long it then lets them pass. */
const PAUSE_MS = 1_000;
/** Attempts to get the locks of one transaction: about a quarter of an hour. */
const MAX_ATTEMPTS = 300;

/** Thrown in a transaction that did not get a lock in time. */
class LockTimeout extends Error {}

export interface LockLimit {
  /** Default 2,000 ms. For tests. */
  readonly lockMs?: number | undefined;
  /** Called with a line for people before the first repetition. */
  readonly onWait?: ((line: string) => void) | undefined;
}

/**
 * Runs `work` in a transaction that has no limit of time, but gives up a lock for which it waits too long, because the statements
 * of all others wait behind it. It then lets them pass, and tries again.
 */
export async function withLockLimit<T>(
  db: Db,
  name: string,
  { lockMs = LOCK_MS, onWait }: LockLimit,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction(async (tx) => {
        await tx.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = ${lockMs}`);
        try {
          return await work(tx);
        } catch (error) {
          // The SQLSTATE lock_not_available.
          throw (error as { code?: unknown }).code === '55P03' ? new LockTimeout(`${name} did not get a lock`) : error;
        }
      });
    } catch (error) {
      if (!(error instanceof LockTimeout) || attempt === MAX_ATTEMPTS) throw error;
      if (attempt === 1) onWait?.('Waiting for a transaction that uses a table to be migrated');
      await delay(PAUSE_MS);
    }
  }
}
