import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** What providers keep of a session by its events. An import drops the ids: what they are of belongs to the session that was exported. */
const KEPT = `
  SELECT DISTINCT e.data -> 'providerConversation' ->> 'model' AS model, e.data -> 'providerConversation' ->> 'kind' AS kind,
         e.data -> 'providerConversation' ->> 'id' AS id
    FROM perdure.events e
   WHERE e.user_id = $1 AND e.session_id = $2 AND e.type = 'message.completed'
     AND (e.data -> 'providerConversation') IS NOT NULL`;

/** Notes what providers keep of a session that is being archived, whose lock the transaction holds. */
export async function noteKept(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `INSERT INTO perdure.kept_conversations (model, kind, conversation_id, user_id, session_id)
     SELECT k.model, k.kind, k.id, $1, $2 FROM (${KEPT}) k
         ON CONFLICT (model, kind, conversation_id) DO NOTHING`,
    [user, session],
  );
}

/** Drops the notes of an archived session that is being restored: its events have them. */
export async function dropKept(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(`DELETE FROM perdure.kept_conversations WHERE user_id = $1 AND session_id = $2`, [user, session]);
}

/** Has deleted what providers keep of a session, in the transaction that deletes its events: workers request it. Names no user. */
export async function deleteKept(tx: Tx, { user, session }: SessionKey): Promise<void> {
  await tx.query(
    `UPDATE perdure.kept_conversations SET user_id = NULL, session_id = NULL, due_at = clock_timestamp()
      WHERE user_id = $1 AND session_id = $2`,
    [user, session],
  );
  await tx.query(
    `INSERT INTO perdure.kept_conversations (model, kind, conversation_id, due_at)
     SELECT k.model, k.kind, k.id, clock_timestamp() FROM (${KEPT}) k
         ON CONFLICT (model, kind, conversation_id) DO NOTHING`,
    [user, session],
  );
}
