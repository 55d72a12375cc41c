import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';

/** The `not_found` for a session that does not exist or belongs to another user. */
export function noSuchSession({ session }: SessionKey): PerdureError {
  return new PerdureError(
    'not_found',
    `You have no session ${JSON.stringify(session)}. Create it, or send it a message.`,
  );
}
