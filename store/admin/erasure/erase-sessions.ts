import { setImmediate } from 'node:timers/promises';
import { PerdureError } from '../../../contracts/errors.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db, Tx } from '../../db/db.ts';
import type { ErasedCounts } from './erasures.ts';

/** Sessions whose rows one transaction deletes. */
const SESSIONS_PER_PIECE = 100;

/** A session with what is in progress of it. */
export interface UserSession {
  readonly key: SessionKey;
  readonly kind: 'session' | 'run';
  /** Its open runs. */
  readonly openRuns: readonly string[];
}

/** A page of a user's sessions, with archived ones, in the order of their ids. */
export async function listUserSessions(
  db: Db,
  user: string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<UserSession[]> {
  const rows = await db.query<{ session: string; kind: 'session' | 'run'; runs: string[] }>(
    `SELECT s.session_id AS session, s.kind,
            coalesce((SELECT json_agg(r.run_id) FROM perdure.runs r
                       WHERE r.user_id = s.user_id AND r.session_id = s.session_id
                         AND r.status IN ('queued', 'running', 'waiting')), '[]') AS runs
       FROM perdure.sessions s
      WHERE s.user_id = $1 AND ($2::text IS NULL OR s.session_id > $2) ORDER BY s.session_id LIMIT $3`,
    [user, after, limit],
  );
  return rows.map(({ session, kind, runs }) => ({ key: { user, session }, kind, openRuns: runs }));
}

/**
 * Deletes the sessions of a user with the files of their archives: from the commit on, whoever works on one finds that it was deleted.
 * Their other rows are deleted afterwards, because nobody can create them again meanwhile. Has workers delete what providers keep of
 * them, for the erasure `id`.
 */
export async function eraseSessions(db: Db, user: string, id: string, signal: AbortSignal): Promise<ErasedCounts> {
  // Imports and restorations in progress fail with their next rows.
  await db.query(`DELETE FROM perdure.row_claims WHERE user_id = $1`, [user]);
  const files = await eraseArchiveFiles(db, user, signal);
  await db.query(
    `UPDATE perdure.kept_conversations
        SET user_id = NULL, session_id = NULL, due_at = clock_timestamp(), erasure_id = $2 WHERE user_id = $1`,
    [user, id],
  );
  let sessions = 0;
  for (let piece = SESSIONS_PER_PIECE; piece === SESSIONS_PER_PIECE; sessions += piece) {
    signal.throwIfAborted();
    piece = await db.transaction((tx) => erasePiece(tx, user, id));
    await setImmediate();
  }
  return { ...(files > 0 ? { 'files.archives': files } : {}), ...(sessions > 0 ? { 'rows.sessions': sessions } : {}) };
}

async function erasePiece(tx: Tx, user: string, id: string): Promise<number> {
  const rows = await tx.query<{ session: string }>(
    `SELECT session_id AS session FROM perdure.sessions WHERE user_id = $1 ORDER BY session_id LIMIT $2 FOR UPDATE`,
    [user, SESSIONS_PER_PIECE],
  );
  if (rows.length === 0) return 0;
  const sessions = JSON.stringify(rows.map(({ session }) => session));
  await tx.query(
    `INSERT INTO perdure.kept_conversations (model, kind, conversation_id, due_at, erasure_id)
     SELECT DISTINCT e.data -> 'providerConversation' ->> 'model', e.data -> 'providerConversation' ->> 'kind',
            e.data -> 'providerConversation' ->> 'id', clock_timestamp(), $3
       FROM perdure.events e
      WHERE e.user_id = $1 AND e.session_id IN (SELECT json_array_elements_text($2::json))
        AND e.type = 'message.completed' AND (e.data -> 'providerConversation') IS NOT NULL
         ON CONFLICT (model, kind, conversation_id) DO NOTHING`,
    [user, sessions, id],
  );
  await tx.query(
    `DELETE FROM perdure.sessions WHERE user_id = $1 AND session_id IN (SELECT json_array_elements_text($2::json))`,
    [user, sessions],
  );
  return rows.length;
}

/** Removes the files of archives. Their rows stay, so that a removal that fails is repeated. */
async function eraseArchiveFiles(db: Db, user: string, signal: AbortSignal): Promise<number> {
  const rows = await db.query<{ id: string }>(
    `SELECT archive_id AS id FROM perdure.archives WHERE user_id = $1 AND data IS NULL`,
    [user],
  );
  if (rows.length > 0 && db.archives === undefined) {
    throw new PerdureError(
      'store_unavailable',
      `${rows.length} archives of the user are files, but no archive folder is configured. Set PERDURE_ARCHIVES to the folder that contains them.`,
    );
  }
  for (const row of rows) {
    signal.throwIfAborted();
    await db.archives?.remove(row.id);
  }
  return rows.length;
}
