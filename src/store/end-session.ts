import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface SessionEnd {
  readonly status: 'completed' | 'failed';
  readonly reason: string | null;
}
export async function endSession(
  _db: Db,
  _key: SessionKey,
  _end: SessionEnd,
): Promise<{ events: PerdureEvent[]; cancelledRuns: string[] }> {
  throw new Error('not written yet');
}
