import { setImmediate } from 'node:timers/promises';
import { PerdureError } from '../../../contracts/errors.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db, Tx } from '../../db/db.ts';
import { forgetRemoval } from './erase-attachments.ts';
import { countErased, type ErasureRef } from './erasures.ts';

/** Sessions whose rows one transaction deletes. */
const SESSIONS_PER_PIECE = 100;

/** Files of archives that are removed at once. */
const FILES_AT_ONCE = 8;

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
 * them, for the erasure.
 */
export async function eraseSessions(db: Db, erasure: ErasureRef, signal: AbortSignal): Promise<void> {
  const { id, user } = erasure;
  // Imports and restorations in progress fail with their next rows.
  await db.query(`DELETE FROM perdure.row_claims WHERE user_id = $1`, [user]);
  await eraseArchiveFiles(db, erasure, signal);
  await db.query(
    `UPDATE perdure.kept_conversations
        SET user_id = NULL, session_id = NULL, due_at = clock_timestamp(), erasure_id = $2 WHERE user_id = $1`,
    [user, id],
  );
  for (let piece = SESSIONS_PER_PIECE; piece === SESSIONS_PER_PIECE;) {
    signal.throwIfAborted();
    piece = await db.transaction((tx) => erasePiece(tx, erasure));
    await setImmediate();
  }
}

async function erasePiece(tx: Tx, { id, user }: ErasureRef): Promise<number> {
  tx.memory?.forgetUser(user);
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
  await countErased(tx, id, { 'rows.sessions': rows.length });
  return rows.length;
}

/** Removes the files of archives, also of those that were restored or deleted before. Their rows are deleted after them, so that a removal that fails is repeated. */
async function eraseArchiveFiles(db: Db, { id, user }: ErasureRef, signal: AbortSignal): Promise<void> {
  const files = await db.query<{ archive: string; isPlanned: boolean }>(
    `SELECT archive_id AS archive, false AS "isPlanned" FROM perdure.archives WHERE user_id = $1 AND data IS NULL
     UNION ALL SELECT archive_id, true FROM perdure.archive_removals WHERE user_id = $1`,
    [user],
  );
  const { archives } = db;
  if (files.length > 0 && archives === undefined) {
    throw new PerdureError(
      'store_unavailable',
      `${files.length} archives of the user are files, but no archive folder is configured. Set PERDURE_ARCHIVES to the folder that contains them.`,
    );
  }
  const remove = async ({ archive, isPlanned }: (typeof files)[number]): Promise<void> => {
    await archives?.remove(archive);
    if (isPlanned) return await forgetRemoval(db, 'archive_removals', archive);
    await db.transaction(async (tx) => {
      const gone = await tx.query(`DELETE FROM perdure.archives WHERE archive_id = $1 RETURNING 1`, [archive]);
      await countErased(tx, id, { 'files.archives': gone.length });
    });
  };
  for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
    signal.throwIfAborted();
    await Promise.all(files.slice(at, at + FILES_AT_ONCE).map(remove));
  }
}
