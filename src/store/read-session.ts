import type { SessionKey } from '../contracts/session-key.ts';
import type { SessionRecord } from '../contracts/session.ts';
import type { Db } from './db.ts';

export async function readSession(_db: Db, _key: SessionKey): Promise<SessionRecord | null> {
  throw new Error('not written yet');
}
