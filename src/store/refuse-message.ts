import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { appendEvents, newEvents } from './append-events.ts';
import type { Db } from './db.ts';
import { lockSession } from './lock-session.ts';

export interface Refusal {
  /** Null when the delivery had none that could be read. */
  readonly messageId: string | null;
  readonly code: string;
  /** Never the message's content. */
  readonly detail: string;
  /** Names the delivery, so that a repeated record of it changes nothing. Without one, each call is recorded. */
  readonly dedupe?: string | undefined;
}

/** Records that a delivery was refused, for senders that nobody could answer. Does nothing when there is no session. */
export async function refuseMessage(db: Db, key: SessionKey, refusal: Refusal): Promise<{ events: PerdureEvent[] }> {
  const { messageId, code, detail, dedupe } = refusal;
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return { events: [] };
    const name = dedupe === undefined ? null : `refused:${dedupe}`;
    const [recorded] = await tx.query(
      `SELECT 1 FROM perdure.events WHERE user_id = $1 AND session_id = $2 AND dedupe = $3`,
      [key.user, key.session, name],
    );
    if (recorded) return { events: [] };
    const log = newEvents(session);
    log.add({ type: 'message.refused', messageId, code, detail }, name);
    return { events: await appendEvents(tx, session, log) };
  });
}
