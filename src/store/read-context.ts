import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export async function readContext(
  _db: Db,
  _key: SessionKey,
  _context: { readonly runId: string; readonly runs: number; readonly throughSeq: number },
): Promise<PerdureEvent[]> {
  throw new Error('not written yet');
}
