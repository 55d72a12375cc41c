import { PerdureError } from '../../../contracts/errors.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import type { Db, Tx } from '../../db/db.ts';

/** SQLSTATE of a statement that was ended by its time limit. */
const TIMED_OUT = '57014';

/**
 * Reads lists with any filters, each statement within `listStatementMs`. `now`: the store's clock, ISO 8601. Throws `too_large`
 * when one takes longer. Each is planned for its values: a plan for any value would take every filter for a selective one.
 */
export async function boundedRead<T>(db: Db, read: (tx: Tx, now: string) => Promise<T>): Promise<T> {
  const limitMs = LIMITS.listStatementMs.value;
  return await db.transaction(async (tx) => {
    const [clock] = await tx.query<{ now: string }>(
      `SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; SET LOCAL statement_timeout = ${limitMs};
       SELECT date_trunc('milliseconds', clock_timestamp()) AS now`,
    );
    try {
      return await read(tx, new Date(clock?.now ?? 0).toISOString());
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === TIMED_OUT)) throw error;
      throw new PerdureError(
        'too_large',
        `The list would read too much: it was ended after ${limitMs / 1_000} s. Add a filter that the store has an index for: "agent", "user", "status", or a shorter time with "from" or "maxAgeMs".`,
      );
    }
  });
}
