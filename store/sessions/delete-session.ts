import { v7 as uuidv7 } from 'uuid';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { removeAttachments } from '../attachments/remove-unused.ts';
import type { Db, Tx } from '../db/db.ts';
import { lockSession } from '../log/lock-session.ts';
import { deleteClaimedRows, deleteRowsAtOnce, ROWS_PER_PIECE } from '../rows/delete-rows.ts';
import { releaseClaim, seizeRows } from '../rows/row-claims.ts';
import { deleteKept, noteKept } from './kept-conversations.ts';
import { deleteArchive } from './session-archive.ts';

/** Deletes a session with everything that belongs to it, including its archive. Returns false when there was none. The next message to its id creates a new session. */
export async function deleteSession(db: Db, key: SessionKey): Promise<boolean> {
  const finish = await db.transaction(async (tx) =>
    (await lockSession(tx, key)) ? await deleteLocked(db, tx, key) : null,
  );
  await finish?.();
  return finish !== null;
}

/**
 * Like {@link deleteSession}, for a session whose lock the transaction holds. Returns a function to be called after the
 * commit: it deletes what is large in pieces. Where it is not called, upkeep does that.
 */
export async function deleteLocked(db: Db, tx: Tx, key: SessionKey): Promise<() => Promise<void>> {
  const holder = uuidv7();
  const [{ head, status } = { head: 0, status: 'archived' }] = await tx.query<{ head: number; status: string }>(
    `SELECT head, status FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  // An archived session has no rows, but those that another process is about to restore.
  const inPieces = head > ROWS_PER_PIECE && status !== 'archived';
  if (inPieces) await seizeRows(tx, key, holder);
  else await releaseClaim(tx, key, null);
  if (status !== 'archived') await chargeOpenCalls(tx, key);
  await deleteKept(tx, key);
  if (inPieces) await endUse(tx, key);
  else await deleteRowsAtOnce(tx, key);
  const removeFile = await deleteArchive(db, tx, key);
  await removeAttachments(tx, key);
  // Upkeep deletes the runs of its children.
  await tx.query(
    `UPDATE perdure.child_runs SET status = 'orphaned', held_nanos = 0, held_tokens = 0, used_nanos = 0, used_tokens = 0
      WHERE user_id = $1 AND session_id = $2`,
    [key.user, key.session],
  );
  // Upkeep cancels the workflows that end with the session.
  await tx.query(
    `DELETE FROM perdure.children
      WHERE user_id = $1 AND session_id = $2 AND (on_session_end IS NULL OR ended_at IS NOT NULL)`,
    [key.user, key.session],
  );
  for (const name of ['message_refusals', 'embedding_calls', 'sessions']) {
    await tx.query(`DELETE FROM perdure.${name} WHERE user_id = $1 AND session_id = $2`, [key.user, key.session]);
  }
  return async () => {
    await removeFile();
    // The session is deleted already: where this fails, upkeep goes on.
    if (inPieces) await deleteClaimedRows(db, key, holder).catch(() => {});
  };
}

/** Deletes the rows of a session that is being archived, whose lock the transaction holds. Its document is of bounded size. */
export async function deleteArchivedRows(tx: Tx, key: SessionKey): Promise<void> {
  await chargeOpenCalls(tx, key);
  await noteKept(tx, key);
  await deleteRowsAtOnce(tx, key);
}

/** Takes rows that will be deleted later out of what is shared: budgets, and the queues of providers. */
async function endUse(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `UPDATE perdure.model_calls SET held_nanos = 0, held_tokens = 0
      WHERE user_id = $1 AND session_id = $2 AND (held_nanos > 0 OR held_tokens > 0)`,
    [user, session],
  );
  await tx.query(`DELETE FROM perdure.provider_tickets WHERE user_id = $1 AND session_id = $2`, [user, session]);
}

/**
 * Counts the session's model calls that are in progress, and charges their estimates to the user's days: they will have no
 * record in which they could be settled.
 */
async function chargeOpenCalls(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.usage_days AS t
            (user_id, day, agent, model, calls, failed_calls, unmetered_calls, unpriced_calls, input_tokens,
             output_tokens, cached_tokens, reasoning_tokens, cost_nanos, estimated_calls, estimated_input_tokens,
             estimated_nanos)
     SELECT $1, day, agent, model, count(*), count(*), count(*), count(*), 0, 0, 0, 0, 0,
            count(*) FILTER (WHERE estimated_input_tokens IS NOT NULL),
            coalesce(sum(estimated_input_tokens), 0), coalesce(sum(estimated_nanos), 0)
       FROM perdure.model_calls
      WHERE user_id = $1 AND session_id = $2 AND outcome = 'running'
      GROUP BY day, agent, model
      ORDER BY day, agent, model
         ON CONFLICT (user_id, day, agent, model) DO UPDATE
        SET calls = t.calls + EXCLUDED.calls, failed_calls = t.failed_calls + EXCLUDED.failed_calls,
            unmetered_calls = t.unmetered_calls + EXCLUDED.unmetered_calls,
            unpriced_calls = t.unpriced_calls + EXCLUDED.unpriced_calls,
            estimated_calls = t.estimated_calls + EXCLUDED.estimated_calls,
            estimated_input_tokens = t.estimated_input_tokens + EXCLUDED.estimated_input_tokens,
            estimated_nanos = t.estimated_nanos + EXCLUDED.estimated_nanos`,
    [user, session],
  );
}
