import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { appendEvents, newEvents } from './append-events.ts';
import type { Db } from './db.ts';
import { lockExistingSession } from './lock-session.ts';

/** Marks a session as archived; nothing else changes. A message restores it. Throws `not_found`. */
export async function archiveSession(db: Db, key: SessionKey): Promise<{ events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    if (session.row.status === 'archived') return { events: [] };
    const log = newEvents(session);
    log.add({ type: 'session.archived' }, null);
    session.row.status = 'archived';
    return { events: await appendEvents(tx, session, log) };
  });
}
