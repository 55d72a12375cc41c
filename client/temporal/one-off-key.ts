import { v5 as namedUuid } from 'uuid';
import { sessionKey, type SessionKey } from '../../contracts/session/session-key.ts';

/** Any fixed uuid: it keeps these names apart from other uses of the same algorithm. */
const NAMESPACE = '6f1d1f0a-5f0b-4c1e-9a53-3d0f2f1b7a10';

/** Where a run without a session lives: its id in the session's place. The same message id finds the same run. */
export function oneOffKey(user: string, messageId: string): SessionKey {
  return sessionKey(user, `run-${namedUuid(messageId, NAMESPACE)}`);
}
