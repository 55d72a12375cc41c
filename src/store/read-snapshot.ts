import type { SessionKey } from '../contracts/session-key.ts';
import type { SessionSnapshot } from '../contracts/session.ts';
import type { Db } from './db.ts';

export async function readSnapshot(_db: Db, _key: SessionKey): Promise<SessionSnapshot | null> {
  throw new Error('not written yet');
}
