import type { Db, Tx } from '../../store/db/db.ts';

/** A store whose clock is ahead of the machine's by what `aheadMs` says at each statement: for time that a Temporal server skips. */
export function withShiftedClock(db: Db, aheadMs: () => Promise<number>): Db {
  const shifted = (tx: Tx): Tx => ({
    query: async <R extends object>(sql: string, params?: readonly unknown[]) => {
      if (!sql.includes('clock_timestamp()')) return await tx.query<R>(sql, params);
      // As a text of its own for each time it would fill the table of prepared statements, so it is a parameter.
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
    transaction: async (work) => await db.transaction(async (tx) => await work(shifted(tx))),
  };
}
