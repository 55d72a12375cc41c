import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';

/**
 * Records that the session's workflow has a run that the store lacks: the store was restored from a backup. Once per run;
 * does nothing if the run exists, or if the session was created after `knownAt` (ISO 8601), when the workflow had the run
 * already: then it is another session with the same id.
 */
export async function recordRestoredStore(
  db: Db,
  key: SessionKey,
  { runId, knownAt }: { readonly runId: string; readonly knownAt: string },
): Promise<PerdureEvent[]> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session || Date.parse(session.createdAt) > Date.parse(knownAt)) return [];
    const dedupe = `restored:${runId}`;
    const known = await tx.query(
      `SELECT 1 FROM perdure.runs WHERE user_id = $1 AND session_id = $2 AND run_id = $3
        UNION ALL
       SELECT 1 FROM perdure.events WHERE user_id = $1 AND session_id = $2 AND dedupe = $4`,
      [key.user, key.session, runId, dedupe],
    );
    if (known.length > 0) return [];
    const pending = pendingEvents(session);
    pending.add({ type: 'session.recovered', reason: 'store_restored' }, dedupe);
    session.row.recovered = 'store_restored';
    return await appendEvents(tx, session, pending);
  });
}
