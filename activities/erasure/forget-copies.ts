import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel } from '../../live/live-channel.ts';

/** Sessions whose copies are removed at once. */
const AT_ONCE = 100;

/** Removes what the live channel keeps of sessions. Throws `store_unavailable` where it cannot be reached. */
export async function forgetCopies(live: LiveChannel, sessions: readonly SessionKey[]): Promise<void> {
  if (live.forget === undefined) return;
  for (let at = 0; at < sessions.length; at += AT_ONCE) {
    const removed = await Promise.all(sessions.slice(at, at + AT_ONCE).map(async (key) => await live.forget?.(key)));
    if (removed.includes(false)) {
      throw new PerdureError(
        'store_unavailable',
        'Redis does not respond, and may have copies of sessions of the user. Check that it is running, or unset REDIS_URL for all processes.',
      );
    }
  }
}
