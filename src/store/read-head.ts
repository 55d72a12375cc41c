import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function readHead(_db: Db, _key: SessionKey): Promise<number | null> {
  throw new Error('not written yet');
}
