import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { lockSession } from '../log/lock-session.ts';
import { keepRefusals } from './keep-refusals.ts';

/** A refused delivery. */
export interface Refusal {
  /** Null when the delivery had no readable id. */
  readonly messageId: string | null;
  readonly code: string;
  /** Never contains the message's content. */
  readonly detail: string;
  /** Identifies the delivery, so that it is recorded once. Without it, every call is recorded. */
  readonly dedupe?: string | undefined;
}

/**
 * Records the refusals of deliveries whose senders get no response, in one transaction: for `GET …/messages/{id}`, and as a
 * `message.refused` each if there is a session.
 */
export async function appendRefusals(
  db: Db,
  key: SessionKey,
  refusals: readonly Refusal[],
): Promise<{ events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    await keepRefusals(tx, key, refusals);
    if (!session) return { events: [] };
    const names = refusals.flatMap(({ dedupe }) => (dedupe === undefined ? [] : [nameOf(dedupe)]));
    const recorded = await tx.query<{ dedupe: string }>(
      `SELECT dedupe FROM perdure.events
        WHERE user_id = $1 AND session_id = $2 AND dedupe IN (SELECT json_array_elements_text($3::json))`,
      [key.user, key.session, JSON.stringify(names)],
    );
    const known = new Set(recorded.map((row) => row.dedupe));
    const pending = pendingEvents(session);
    for (const { messageId, code, detail, dedupe } of refusals) {
      const name = dedupe === undefined ? null : nameOf(dedupe);
      if (name !== null && known.has(name)) continue;
      pending.add({ type: 'message.refused', messageId, code, detail }, name);
    }
    return { events: pending.drafts.length === 0 ? [] : await appendEvents(tx, session, pending) };
  });
}

function nameOf(dedupe: string): string {
  return `refused:${dedupe}`;
}
