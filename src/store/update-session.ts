import { isDeepStrictEqual } from 'node:util';
import type { UpdateSession } from '../contracts/commands.ts';
import type { PerdureEvent } from '../contracts/event.ts';
import type { JsonObject } from '../contracts/json.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { appendEvents, newEvents } from './append-events.ts';
import type { Db } from './db.ts';
import { lifeOf, type SessionLife } from './expire-session.ts';
import { lockExistingSession } from './lock-session.ts';
import { checkSize } from './session-size.ts';
import { storable } from './storable.ts';

/** Merges metadata, state and policy key by key; null removes a key. What changes nothing appends nothing, so a repeat is safe. Throws `not_found` and `too_large`. */
export async function updateSession(
  db: Db,
  key: SessionKey,
  update: UpdateSession,
): Promise<{ events: PerdureEvent[]; session: SessionLife }> {
  const { value: patch } = storable(update);
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const [found] = await tx.query<{ metadata: JsonObject; state: JsonObject }>(
      `SELECT metadata, state FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
      [key.user, key.session],
    );
    const before = { metadata: found?.metadata ?? {}, state: found?.state ?? {}, policy: session.row.policy };
    const metadata = merged(before.metadata, patch.metadata);
    const state = merged(before.state, patch.state);
    const policy = merged(before.policy as JsonObject, patch.policy as JsonObject | undefined);
    if (isDeepStrictEqual({ metadata, state, policy }, before)) return { events: [], session: lifeOf(session) };
    checkSize('metadata', metadata);
    checkSize('state', state);
    await tx.query(
      `UPDATE perdure.sessions SET metadata = $3, state = $4, policy = $5 WHERE user_id = $1 AND session_id = $2`,
      [key.user, key.session, JSON.stringify(metadata), JSON.stringify(state), JSON.stringify(policy)],
    );
    const log = newEvents(session);
    log.add({ type: 'session.updated', ...patch }, null);
    return { events: await appendEvents(tx, session, log), session: { ...lifeOf(session), policy: policy } };
  });
}

function merged(value: JsonObject, patch: JsonObject | undefined): JsonObject {
  const entries = Object.entries({ ...value, ...patch }).filter(([, part]) => part !== null && part !== undefined);
  return Object.fromEntries(entries);
}
