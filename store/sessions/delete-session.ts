import type { SessionKey } from '../../contracts/session/session-key.ts';
import { deleteArchive } from './session-archive.ts';
import type { Db, Tx } from '../db/db.ts';
import { lockSession } from '../log/lock-session.ts';
import { SESSION_TABLES } from './session-tables.ts';

/** Deletes a session with everything that belongs to it, including its archive. Returns false when there was none. The next message to its id creates a new session. */
export async function deleteSession(db: Db, key: SessionKey): Promise<boolean> {
  const removeFile = await db.transaction(async (tx) =>
    (await lockSession(tx, key)) ? await deleteLocked(db, tx, key) : null,
  );
  await removeFile?.();
  return removeFile !== null;
}

/** Like {@link deleteSession}, for a session whose lock the transaction holds. Returns a function to be called after the commit. */
export async function deleteLocked(db: Db, tx: Tx, key: SessionKey): Promise<() => Promise<void>> {
  await deleteRows(tx, key);
  const removeFile = await deleteArchive(db, tx, key);
  await tx.query(`DELETE FROM perdure.children WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  await tx.query(`DELETE FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  return removeFile;
}

/** Deletes the session's rows in all tables but `sessions` and `children`. An archive does not contain children, so they stay. */
export async function deleteRows(tx: Tx, key: SessionKey): Promise<void> {
  await chargeHeldReservations(tx, key);
  for (const name of [...SESSION_TABLES.map((table) => table.name), 'provider_tickets']) {
    await tx.query(`DELETE FROM perdure.${name} WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  }
}

/** Moves what is still reserved for model calls with unknown usage to the user's days, so that it stays charged after the calls are deleted. */
async function chargeHeldReservations(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.usage_days AS t
            (user_id, day, agent, model, calls, failed_calls, unmetered_calls, unpriced_calls, input_tokens,
             output_tokens, cached_tokens, reasoning_tokens, cost_nanos, held_nanos, held_tokens)
     SELECT $1, day, agent, model, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(held_nanos), sum(held_tokens)
       FROM perdure.model_calls
      WHERE user_id = $1 AND session_id = $2 AND (held_nanos > 0 OR held_tokens > 0)
      GROUP BY day, agent, model
      ORDER BY day, agent, model
         ON CONFLICT (user_id, day, agent, model) DO UPDATE
        SET held_nanos = t.held_nanos + EXCLUDED.held_nanos, held_tokens = t.held_tokens + EXCLUDED.held_tokens`,
    [user, session],
  );
}
