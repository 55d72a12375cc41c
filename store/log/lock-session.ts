import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';
import type { SessionRow } from './rows.ts';

/**
 * A session that is being changed. Its row is locked by the transaction, so that no other appends to it until this one ends; or
 * it is not, and the statement that saves the changes compares the version.
 */
export interface LockedSession {
  readonly key: SessionKey;
  /** The time of everything that this transaction writes, ISO 8601 UTC. Never decreases from one transaction to the next. */
  readonly at: string;
  /** `performance.now()` at `at`. */
  readonly atMs: number;
  /** When the session was created. Distinguishes it from a deleted session with the same id. */
  readonly createdAt: string;
  /** Version of everything that the session's lock guards: every write also saves the session's row, which changes it. See {@link versionOf}. */
  version: string;
  /** Mutable: write functions change it, and `appendEvents` saves it. */
  readonly row: SessionRow;
}

/**
 * SQL for the version of a row of the table `s` of sessions: its transaction and its time. A store that was restored from a
 * backup assigns the same transaction ids again, but at later times (docs/decisions/0015).
 */
export const versionOf = (s: string): string => `${s}.xmin::text || '@' || extract(epoch FROM ${s}.updated_at)::text`;

/**
 * Locks the session's row. Must be the first statement of every transaction that writes to a session: statements after
 * it see everything that earlier holders of the lock committed. Returns null when there is no such session.
 */
export async function lockSession(tx: Tx, key: SessionKey): Promise<LockedSession | null> {
  tx.memory?.forget(key);
  const [found] = await tx.query<FoundSession>(
    `SELECT ${sessionColumns} FROM perdure.sessions s WHERE user_id = $1 AND session_id = $2 FOR UPDATE`,
    [key.user, key.session],
  );
  return found ? sessionOf(key, found) : null;
}

/** A row with {@link sessionColumns}. */
export type FoundSession = SessionRow & { readonly at: string; readonly created_at: string; readonly version: string };

/** The columns of a session `s`, for {@link sessionOf}. */
export const sessionColumns = `
  s.kind, s.status, s.agent, s.policy, s.head, s.messages, s.runs, s.errors, s.last_ordinal, s.end_reason, s.execution,
  s.served_by, s.epoch, s.last_active_at, s.opened_at, s.recovered,
  s.input_tokens::float8, s.output_tokens::float8, s.cached_tokens::float8, s.reasoning_tokens::float8,
  s.cost_nanos::float8, s.unpriced_calls, s.unmetered_calls,
  s.known_input_tokens::float8, s.known_output_tokens::float8, s.known_cached_tokens::float8,
  s.known_reasoning_tokens::float8, s.estimated_calls, s.estimated_input_tokens::float8,
  s.estimated_output_tokens::float8, s.estimated_nanos::float8,
  date_trunc('milliseconds', greatest(clock_timestamp(), s.updated_at)) AS at, s.created_at, ${versionOf('s')} AS version`;

/** Converts a row with {@link sessionColumns}. */
export function sessionOf(
  key: SessionKey,
  { at, created_at: createdAt, version, ...row }: FoundSession,
): LockedSession {
  return { key, at, atMs: performance.now(), createdAt, version, row };
}

/**
 * A copy of a session that this process has read or saved, for a change that is decided now, without its lock. An embedded store has
 * the clock of its process. The clock of a server is assumed to have advanced as much as the time that this process counts, in which a
 * machine that sleeps is left out.
 */
export function asOfNow({ kind }: Pick<Db, 'kind'>, session: LockedSession): LockedSession {
  const atMs = performance.now();
  const savedAt = Date.parse(session.at);
  const at = kind === 'pglite' ? Math.max(savedAt, Date.now()) : savedAt + Math.floor(atMs - session.atMs);
  return { ...session, at: new Date(at).toISOString(), atMs, row: { ...session.row } };
}

/** Like {@link lockSession}, but throws `not_found` when there is no such session. */
export async function lockExistingSession(tx: Tx, key: SessionKey): Promise<LockedSession> {
  const session = await lockSession(tx, key);
  if (session) return session;
  throw noSuchSession(key);
}

/** Returns the `not_found` error for a session key. */
export function noSuchSession(key: SessionKey): PerdureError {
  return new PerdureError(
    'not_found',
    `There is no session ${JSON.stringify(key.session)}. Send it a message to create it, or run \`perdure sessions\` to list existing ones.`,
  );
}

/** The time of the last activity is in many indexes, and within this time of the one before it is not worth writing. */
const ACTIVITY_MS = 1_000;

/** Notes activity of a session in the middle of a run. */
export function touch({ row, at }: LockedSession): void {
  if (Date.parse(at) - Date.parse(row.last_active_at) >= ACTIVITY_MS) row.last_active_at = at;
}
