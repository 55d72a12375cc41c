import type { AttachmentPlaces } from '../places/attachment-places.ts';
import type { ArchiveFolder } from './archive-folder.ts';
import type { SessionMemory } from './session-memory.ts';

/** A row by column name. SQL casts `bigint` and `numeric` to `int` or `float8`; `json` and `jsonb` arrive parsed, `timestamptz` as ISO 8601 UTC text. */
export type Row = Record<string, unknown>;

/** Runs statements inside one transaction. */
export interface Tx {
  /** Uses `$1`-style parameters; pass JSON columns as JSON text. Without `params`, `sql` may contain several statements and the last one's rows are returned. */
  query<R extends object = Row>(sql: string, params?: readonly unknown[]): Promise<R[]>;
  /** What the process remembers of sessions. Absent: other processes may change them. */
  readonly memory?: SessionMemory | undefined;
}

/** The store: PostgreSQL, either embedded (PGlite) or a server. Both run the same statements. Methods throw `store_unavailable` when the database is unreachable, `internal` for other driver errors. */
export interface Db extends Tx {
  /** The folder that archives are written to. Absent: they are stored in the table `archives`. */
  readonly archives?: ArchiveFolder | undefined;
  /** Where contents of attachments are kept outside the database. Absent: all are in it. */
  readonly places?: AttachmentPlaces | undefined;
  readonly kind: 'pglite' | 'postgres';
  /** Whether everything is lost when the process ends. Absent: it is not. */
  readonly isInMemory?: boolean | undefined;
  /** Statements that may not wait until a connection is free, on a connection of their own. Each has 2 seconds. Absent: there is one connection only. */
  readonly urgent?: Tx | undefined;
  /** Runs `work` in a READ COMMITTED transaction: commits when it resolves, rolls back when it rejects. Retries serialization failures and deadlocks (40001, 40P01), so `work` may run more than once and must have no other side effects. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** As `query`, except that it returns null for a statement that conflicted with another one or with rows that exist or were removed (40001, 40P01, 23505, 23503). It has then changed nothing. */
  attempt<R extends object = Row>(sql: string, params: readonly unknown[]): Promise<R[] | null>;
  close(): Promise<void>;
}
