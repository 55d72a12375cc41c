import type { PerdureEvent } from '../../contracts/session/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { pageSize } from '../db/page.ts';
import type { Db } from '../db/db.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';

export interface EventPage {
  readonly events: PerdureEvent[];
  /** Pass as `after` for the next page: the `seq` of the last event, or `after` for an empty page. */
  readonly next: number;
}

/** Reads the events after the `seq` `after`, in order, at most 1,000. Empty when there is no such session. */
export async function readEvents(
  db: Db,
  key: SessionKey,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<EventPage> {
  const rows = await db.query<EventRow>(
    `SELECT seq, type, run_id, step, attempt, at, data FROM perdure.events
      WHERE user_id = $1 AND session_id = $2 AND seq > $3
      ORDER BY seq
      LIMIT $4`,
    [key.user, key.session, after, pageSize(limit, LIMITS.eventsPerPage.value)],
  );
  return { events: rows.map((row) => eventOf(row, key.session)), next: rows.at(-1)?.seq ?? after };
}
