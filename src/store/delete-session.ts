import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function deleteSession(_db: Db, _key: SessionKey): Promise<boolean> {
  throw new Error('not written yet');
}
