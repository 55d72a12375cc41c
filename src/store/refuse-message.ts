import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface Refusal {
  readonly messageId: string | null;
  readonly code: string;
  readonly detail: string;
  readonly dedupe?: string | undefined;
}
export async function refuseMessage(
  _db: Db,
  _key: SessionKey,
  _refusal: Refusal,
): Promise<{ events: PerdureEvent[] }> {
  throw new Error('not written yet');
}
