import type { Db, Tx } from '../../store/db/db.ts';

/**
 * A store whose clock is ahead of the system's by `aheadMs()`, for tests in which a Temporal server skips time. It remembers nothing, since
 * the times of what an embedded store remembers are those of the process's clock.
 */
export function withShiftedClock(db: Db, aheadMs: () => Promise<number>): Db {
  const shifted = (tx: Tx): Tx => ({
    query: async <R extends object>(sql: string, params?: readonly unknown[]) => {
      if (!sql.includes('clock_timestamp()')) return await tx.query<R>(sql, params);
      // A parameter, because a different SQL text for each time would fill the cache of prepared statements.
      const place = (params?.length ?? 0) + 1;
      const text = sql.replaceAll(
        'clock_timestamp()',
        `(clock_timestamp() + make_interval(secs => $${place}::float8 / 1000))`,
      );
      return await tx.query<R>(text, [...(params ?? []), await aheadMs()]);
    },
  });
  return {
    ...db,
    ...shifted(db),
    memory: undefined,
    transaction: async (work) => await db.transaction(async (tx) => await work(shifted(tx))),
  };
}
