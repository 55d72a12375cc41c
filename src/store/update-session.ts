import type { UpdateSession } from '../contracts/commands.ts';
import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function updateSession(
  _db: Db,
  _key: SessionKey,
  _update: UpdateSession,
): Promise<{ events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
