import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { deleteArchive, saveArchive, readArchive } from './session-archive.ts';
import { closeRun } from '../runs/close-run.ts';
import type { Db, Tx } from '../db/db.ts';
import { deleteRows } from './delete-session.ts';
import { loadOpenRuns } from '../runs/load-run.ts';
import { lockExistingSession, lockSession, type LockedSession } from '../log/lock-session.ts';
import { readDocument, writeTables } from './session-document.ts';

/** Archives a session: see {@link archiveLocked}. Open runs are cancelled first. Throws `not_found` and `too_large`. */
export async function archiveSession(db: Db, key: SessionKey): Promise<{ events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    let session = await lockExistingSession(tx, key);
    const events = await cancelOpenRuns(tx, session, 'archived');
    if (events.length > 0) session = (await lockSession(tx, key)) ?? session;
    return { events: [...events, ...(await archiveLocked(db, tx, session))] };
  });
}

/**
 * Keeps a session as one compressed document and removes its rows; its own row stays, with the status `archived`, so
 * that it is listed and its metadata and counters can be read. A message restores it. The caller holds the session and
 * has seen that no run is open.
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
 * Brings the rows of an archived session back that the transaction holds; the caller reopens it. Answers what to call
 * after the commit.
 */
export async function restoreRows(db: Db, tx: Tx, { key }: LockedSession): Promise<() => Promise<void>> {
  const { tables } = await readArchive(db, tx, key);
  await writeTables(tx, key, tables);
  return await deleteArchive(db, tx, key);
}

/** Cancels every open run of a session that the transaction holds. */
export async function cancelOpenRuns(tx: Tx, session: LockedSession, reason: string): Promise<PerdureEvent[]> {
  const open = await loadOpenRuns(tx, session.key);
  if (open.length === 0) return [];
  const pending = pendingEvents(session);
  for (const loaded of open) closeRun(session, pending, loaded, { status: 'cancelled', reason }, null);
  const runs = open.map(({ run }) => run);
  return await appendEvents(tx, session, pending, { runs, toolCalls: open.flatMap(({ openCalls }) => openCalls) });
}
