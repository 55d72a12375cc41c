import { isDeepStrictEqual } from 'node:util';
import type { UpdateSession } from '../../contracts/session/commands.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionState, StatePatch } from '../../contracts/session/state.ts';
import { mergeKeys, mergeState } from '../../core/session/merge-state.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { expiryFactsOf, type ExpiryFacts } from './expire-if-due.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { checkMetadataSize, checkStateSize } from './session-size.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** The patch, or a function that computes it from the current state. The function runs under the session's lock: keep it synchronous and free of side effects; it may run more than once. If it throws, nothing changes. */
export type SessionPatch = UpdateSession | ((state: SessionState) => UpdateSession);

/**
 * Merges metadata, state and policy key by key, state within each namespace; null removes a key. A patch without effect
 * appends no event, so repeating one is safe. Throws `not_found` and `too_large`.
 */
export async function patchSession(
  db: Db,
  key: SessionKey,
  update: SessionPatch,
): Promise<{ events: PerdureEvent[]; session: ExpiryFacts }> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const [found] = await tx.query<{ metadata: JsonObject; state: SessionState }>(
      `SELECT metadata, state FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
      [key.user, key.session],
    );
    const before = { metadata: found?.metadata ?? {}, state: found?.state ?? {}, policy: session.row.policy };
    const { value: patch } = sanitizeJson(typeof update === 'function' ? update(before.state) : update);
    const metadata = mergeKeys(before.metadata, patch.metadata);
    const state = mergeState(before.state, patch.state);
    const policy = mergeKeys(before.policy as JsonObject, patch.policy as JsonObject | undefined);
    if (isDeepStrictEqual({ metadata, state, policy }, before)) return { events: [], session: expiryFactsOf(session) };
    checkMetadataSize(metadata);
    checkStateSize(before.state, state);
    await tx.query(
      `UPDATE perdure.sessions SET metadata = $3, state = $4, policy = $5 WHERE user_id = $1 AND session_id = $2`,
      [key.user, key.session, JSON.stringify(metadata), JSON.stringify(state), JSON.stringify(policy)],
    );
    const pending = pendingEvents(session);
    const { state: statePatch, ...rest } = patch;
    pending.add({ type: 'session.updated', ...rest, ...changesOf(before.state, state, statePatch) }, null);
    return { events: await appendEvents(tx, session, pending), session: { ...expiryFactsOf(session), policy } };
  });
}

/** Returns the part of a state patch that has an effect, and the names of the changed namespaces. */
function changesOf(before: SessionState, after: SessionState, patch: StatePatch = {}) {
  const changed = Object.entries(patch).filter(([name]) => !isDeepStrictEqual(before[name], after[name]));
  if (changed.length === 0) return {};
  return { state: Object.fromEntries(changed), namespaces: changed.map(([name]) => name) };
}
