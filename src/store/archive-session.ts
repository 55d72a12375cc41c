import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function archiveSession(_db: Db, _key: SessionKey): Promise<{ events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
