import type { ArchiveFolder } from './archive-folder.ts';

/** Rows by column name. `bigint` and `numeric` columns are cast to `int`/`float8` in the SQL, `jsonb` arrives parsed, `timestamptz` as ISO 8601 UTC text. */
export type Row = Record<string, unknown>;

/** Runs statements inside one transaction. */
export interface Tx {
  /** `$1`-style parameters. Objects for `jsonb` columns are passed as JSON text. Without `params` the text may hold several statements. */
  query<R extends object = Row>(sql: string, params?: readonly unknown[]): Promise<R[]>;
}

/** The store: PostgreSQL, embedded (PGlite) or served. Statements are the same for both. */
export interface Db extends Tx {
  /** Where archives are kept; the store itself when absent. */
  readonly archives?: ArchiveFolder | undefined;
  readonly kind: 'pglite' | 'postgres';
  /** READ COMMITTED. Commits when `work` resolves, rolls back when it rejects. Retries serialization failures and deadlocks (40001, 40P01), so `work` must have no other effects. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
