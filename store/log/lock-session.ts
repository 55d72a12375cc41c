import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { SessionRow } from './rows.ts';

/** A session whose row this transaction holds: nobody else appends until it is over. */
export interface LockedSession {
  readonly key: SessionKey;
  /** The time of everything that this transaction writes; never before the time of an earlier one. */
  readonly at: string;
  /** When it was created: tells a session that was deleted from one that has its id now. */
  readonly createdAt: string;
  /** Names the state of all that the session's lock guards: every write saves the session's row, and so makes another. */
  version: string;
  /** Changed by the write functions and saved by `appendEvents`. */
  readonly row: SessionRow;
}

/**
 * Takes the session row's lock: the first statement of every transaction that writes to a session. Statements
 * after it see all that earlier holders committed. Null when there is no such session.
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

/** As {@link lockSession}; throws `not_found` when there is no such session. */
export async function lockExistingSession(tx: Tx, key: SessionKey): Promise<LockedSession> {
  const session = await lockSession(tx, key);
  if (session) return session;
  throw noSuchSession(key);
}

/** The error of a look-up that found no session. */
export function noSuchSession(key: SessionKey): PerdureError {
  return new PerdureError(
    'not_found',
    `There is no session ${JSON.stringify(key.session)}. Send it a message to create it; \`perdure sessions\` lists those there are.`,
  );
}
