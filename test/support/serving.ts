import { setTimeout as delay } from 'node:timers/promises';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../../store/db/db.ts';

/** Resolves once no activity serves the session. */
export async function untilUnserved(db: Db, { user, session }: SessionKey): Promise<void> {
  for (;;) {
    const [row] = await db.query<{ by: string | null }>(
      'SELECT served_by AS by FROM perdure.sessions WHERE user_id = $1 AND session_id = $2',
      [user, session],
    );
    if (!row?.by) return;
    await delay(20);
  }
}
