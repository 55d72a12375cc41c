import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';

export interface EventPage {
  readonly events: PerdureEvent[];
  readonly next: number;
}
export async function readEvents(
  _db: Db,
  _key: SessionKey,
  _page: { readonly after: number; readonly limit: number },
): Promise<EventPage> {
  throw new Error('not written yet');
}
