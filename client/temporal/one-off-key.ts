import { v5 as namedUuid } from 'uuid';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';

/** A fixed, arbitrary UUID: separates these names from others made by the same algorithm (RFC 9562, version 5). */
const NAMESPACE = '6f1d1f0a-5f0b-4c1e-9a53-3d0f2f1b7a10';

/** The key of a run without a session: the run's id in place of the session id. The same message id gives the same key. */
export function oneOffKey(user: string, messageId: string): SessionKey {
  return sessionKey(user, `run-${namedUuid(messageId, NAMESPACE)}`);
}
