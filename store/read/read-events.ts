import type { PerdureEvent } from '../../contracts/events/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { pageSize } from '../db/page.ts';
import type { Db } from '../db/db.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';

export interface EventPage {
  readonly events: PerdureEvent[];
  /** Pass as `after` for the next page: the `seq` of the last event, or `after` for an empty page. */
  readonly next: number;
  /** False when the page ends with the last event. */
  readonly more: boolean;
}

/**
 * Reads the events after the `seq` `after`, in order: at most 1,000, and none after the one with which they reach
 * `LIMITS.eventPageBytes`. Empty when there is no such session.
 */
export async function readEvents(
  db: Db,
  key: SessionKey,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<EventPage> {
  // Recursive, so that events beyond the page are not even decompressed.
  const maxEvents = pageSize(limit, LIMITS.eventsPerPage.value);
  const maxBytes = LIMITS.eventPageBytes.value;
  const rows = await db.query<EventRow & { bytes: number }>(
    `WITH RECURSIVE page AS (
       (SELECT seq, type, run_id, step, attempt, at, data, 1 AS n, octet_length(data::text) AS bytes
          FROM perdure.events
         WHERE user_id = $1 AND session_id = $2 AND seq > $3
         ORDER BY seq LIMIT 1)
       UNION ALL
       SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data, p.n + 1, p.bytes + octet_length(e.data::text)
         FROM page p
        CROSS JOIN LATERAL (
          SELECT seq, type, run_id, step, attempt, at, data FROM perdure.events
           WHERE user_id = $1 AND session_id = $2 AND seq > p.seq
           ORDER BY seq LIMIT 1) e
        WHERE p.n < $4 AND p.bytes < $5)
     SELECT seq, type, run_id, step, attempt, at, data, bytes FROM page ORDER BY seq`,
    [key.user, key.session, after, maxEvents, maxBytes],
  );
  const last = rows.at(-1);
  return {
    events: rows.map((row) => eventOf(row, key.session)),
    next: last?.seq ?? after,
    more: rows.length === maxEvents || (last !== undefined && last.bytes >= maxBytes),
  };
}
