import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { SessionRow } from './rows.ts';

/** A session whose row is locked by this transaction: no other transaction appends to it until this one ends. */
export interface LockedSession {
  readonly key: SessionKey;
  /** The time of everything that this transaction writes, ISO 8601 UTC. Never decreases from one transaction to the next. */
  readonly at: string;
  /** When the session was created. Distinguishes it from a deleted session with the same id. */
  readonly createdAt: string;
  /** Version of everything that the session's lock guards: every write also saves the session's row, which changes it. */
  version: string;
  /** Mutable: write functions change it, and `appendEvents` saves it. */
  readonly row: SessionRow;
}

/**
 * Locks the session's row. Must be the first statement of every transaction that writes to a session: statements after
 * it see everything that earlier holders of the lock committed. Returns null when there is no such session.
 */
export async function lockSession(tx: Tx, key: SessionKey): Promise<LockedSession | null> {
  const [found] = await tx.query<SessionRow & { at: string; created_at: string; version: string }>(
    `SELECT kind, status, agent, policy, head, messages, runs, errors, last_ordinal, end_reason, execution, last_active_at, opened_at,
            recovered,
            input_tokens::float8, output_tokens::float8, cached_tokens::float8, reasoning_tokens::float8,
            cost_nanos::float8, unpriced_calls,
            date_trunc('milliseconds', greatest(clock_timestamp(), updated_at)) AS at,
            created_at, xmin::text AS version
       FROM perdure.sessions
      WHERE user_id = $1 AND session_id = $2
        FOR UPDATE`,
    [key.user, key.session],
  );
  if (!found) return null;
  const { at, created_at: createdAt, version, ...row } = found;
  return { key, at, createdAt, version, row };
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
