import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { cancelOpenRuns } from '../runs/cancel-runs.ts';
import type { Db, Tx } from '../db/db.ts';
import { lockExistingSession, lockSession, type LockedSession } from '../log/lock-session.ts';
import { deleteArchivedRows } from './delete-session.ts';
import { dropKept } from './kept-conversations.ts';
import { saveArchive, withPackedSession, type PackedSource } from './pack-session.ts';
import { adoptRows, deleteArchive, requireArchive, type LoadedArchive } from './session-archive.ts';

/**
 * Cancels the open runs of a session but those that wait for answers, then archives it: see {@link archiveLocked}. Throws
 * `not_found`, and `too_large` after the runs were cancelled.
 */
export async function archiveSession(db: Db, key: SessionKey): Promise<{ events: PerdureEvent[] }> {
  // On its own, so that the document can be read before the transaction that archives.
  const cancelled = await db.transaction(async (tx) => await cancelWorking(tx, await lockExistingSession(tx, key)));
  const archived = await withPackedSession(
    db,
    key,
    async (source) =>
      await db.transaction(async (tx) => {
        let session = await lockExistingSession(tx, key);
        const more = await cancelWorking(tx, session);
        if (more.length > 0) session = (await lockSession(tx, key)) ?? session;
        return [...more, ...(await archiveLocked(db, tx, session, source))];
      }),
  );
  return { events: [...cancelled, ...archived] };
}

/** Runs that wait for people are only rows: they go on waiting after the session was restored. One that waits for an agent as its tool has work elsewhere. */
async function cancelWorking(tx: Tx, session: LockedSession): Promise<PerdureEvent[]> {
  const { user, session: id } = session.key;
  const waiting = await tx.query<{ run: string }>(
    `SELECT r.run_id AS run FROM perdure.runs r
      WHERE r.user_id = $1 AND r.session_id = $2 AND r.status = 'waiting'
        AND NOT EXISTS (SELECT FROM perdure.child_runs c
                         WHERE c.user_id = r.user_id AND c.session_id = r.session_id AND c.run_id = r.run_id
                           AND c.status <> 'ended')`,
    [user, id],
  );
  return await cancelOpenRuns(tx, session, 'archived', new Set(waiting.map(({ run }) => run)));
}

/**
 * Saves a session as one compressed document and deletes its rows. Its own row stays, with the status `archived`, so
 * that it is listed and its metadata and counters can be read. A message restores it. The caller holds the session's
 * lock and has checked that no run is open, but those that wait for answers. Does nothing to an archived session. Call it inside `withPackedSession`.
 */
export async function archiveLocked(
  db: Db,
  tx: Tx,
  session: LockedSession,
  source: PackedSource,
): Promise<PerdureEvent[]> {
  if (session.row.status === 'archived') return [];
  await saveArchive(db, tx, session, source);
  await deleteArchivedRows(tx, session.key);
  const pending = pendingEvents(session);
  pending.add({ type: 'session.archived' }, null);
  session.row.status = 'archived';
  return await appendEvents(tx, session, pending);
}

/**
 * Restores the rows of an archived session whose lock the transaction holds; the caller reopens it. Returns a function
 * that removes the archive file, to be called after the commit. Call it inside `withArchive`.
 */
export async function restoreRows(
  db: Db,
  tx: Tx,
  { key }: LockedSession,
  archive: LoadedArchive | null,
): Promise<() => Promise<void>> {
  await adoptRows(tx, key, await requireArchive(tx, key, archive));
  await dropKept(tx, key);
  return await deleteArchive(db, tx, key);
}
