import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { deleteArchive, saveArchive, readArchive } from './session-archive.ts';
import { cancelOpenRuns } from '../runs/cancel-runs.ts';
import type { Db, Tx } from '../db/db.ts';
import { deleteRows } from './delete-session.ts';

import { lockExistingSession, lockSession, type LockedSession } from '../log/lock-session.ts';
import { readDocument, writeTables } from './session-document.ts';

/** Cancels the open runs of a session and archives it: see {@link archiveLocked}. Throws `not_found` and `too_large`. */
export async function archiveSession(db: Db, key: SessionKey): Promise<{ events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    let session = await lockExistingSession(tx, key);
    const events = await cancelOpenRuns(tx, session, 'archived');
    if (events.length > 0) session = (await lockSession(tx, key)) ?? session;
    return { events: [...events, ...(await archiveLocked(db, tx, session))] };
  });
}

/**
 * Saves a session as one compressed document and deletes its rows. Its own row stays, with the status `archived`, so
 * that it is listed and its metadata and counters can be read. A message restores it. The caller holds the session's
 * lock and has checked that no run is open. Does nothing to an archived session.
 */
export async function archiveLocked(db: Db, tx: Tx, session: LockedSession): Promise<PerdureEvent[]> {
  if (session.row.status === 'archived') return [];
  await saveArchive(db, tx, session.key, await readDocument(tx, session));
  await deleteRows(tx, session.key);
  const pending = pendingEvents(session);
  pending.add({ type: 'session.archived' }, null);
  session.row.status = 'archived';
  return await appendEvents(tx, session, pending);
}

/**
 * Restores the rows of an archived session whose lock the transaction holds; the caller reopens it. Returns a function
 * that removes the archive file, to be called after the commit.
 */
export async function restoreRows(db: Db, tx: Tx, { key }: LockedSession): Promise<() => Promise<void>> {
  const { tables } = await readArchive(db, tx, key);
  await writeTables(tx, key, tables);
  return await deleteArchive(db, tx, key);
}
