import type { PerdureEvent } from '../../contracts/events/event.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';
import { eventTypeCondition } from '../log/event-type-condition.ts';
import type { LockedSession } from '../log/lock-session.ts';

/** How much of a session's conversation a worker has cached. */
export interface CachedPosition {
  /** When the cached session was created. A session that was deleted and created again has another creation time. */
  readonly createdAt: string;
  /** The cache holds the conversation up to this `seq`. */
  readonly throughSeq: number;
  /**
   * Time of the event `throughSeq`, ISO 8601 UTC. A store that was restored from a backup assigns the numbers after the
   * backup again, to other events at later times (docs/decisions/0015).
   */
  readonly throughAt: string;
}

/** The times of two events, for {@link continuesCache}. Null where there is no such event. */
export interface AnchorTimes {
  readonly cachedAt: string | null;
  readonly headAt: string | null;
}

/** With more new events than this, the context is read from scratch instead. */
const MAX_NEW_EVENTS = 400;
/** A session with at most this many events is loaded whole when a step begins. */
const SHORT_SESSION_EVENTS = 100;
/** The largest `integer`: no event has a higher `seq`. */
const AFTER_EVERY_SEQ = 2_147_483_647;

const IS_OF_CONVERSATION = eventTypeCondition('type', ({ conversation }) => conversation !== 'none');

/**
 * Returns a column `newEvents` for a statement with the user as `$1` and the session as `$2`: the events of the
 * conversation after the `seq` in the parameter `after`, for {@link parseNewEvents}. Read it under the session's lock.
 */
export function newEventsColumn(after: string): string {
  return `
         (SELECT coalesce(json_agg(to_json(n) ORDER BY n.seq), '[]')
            FROM (SELECT seq, type, run_id, step, attempt, at, data FROM perdure.events
                   WHERE user_id = $1 AND session_id = $2 AND seq > ${after}
                     AND (${IS_OF_CONVERSATION})
                   ORDER BY seq
                   LIMIT ${MAX_NEW_EVENTS}) n) AS "newEvents"`;
}

const timeOf = (seq: string): string =>
  `(SELECT at FROM perdure.events WHERE user_id = $1 AND session_id = $2 AND seq = ${seq})`;

/** Returns the columns of {@link AnchorTimes} for the `seq`s in the parameters `cached` and `head`. */
export function anchorColumns(cached: string, head: string): string {
  return `
         ${timeOf(cached)} AS "cachedAt", ${timeOf(head)} AS "headAt"`;
}

/** Whether the session's events continue those that were cached: the last cached one is still the event with that number. */
export function continuesCache(
  cached: CachedPosition,
  { createdAt }: LockedSession,
  { cachedAt }: AnchorTimes,
): boolean {
  return cached.createdAt === createdAt && cached.throughAt === cachedAt;
}

/** Returns the parameter `after`. A caller without this session in its cache gets all events of a short session, and none of a longer one. */
export function newEventsAfter(cached: CachedPosition | null, { createdAt, row }: LockedSession): number {
  if (cached?.createdAt === createdAt) return cached.throughSeq;
  return row.head <= SHORT_SESSION_EVENTS ? 0 : AFTER_EVERY_SEQ;
}

/** SQL for {@link newEventsAfter} without a cache. */
export const sinceOfUncached = (head: string): string =>
  `CASE WHEN ${head} <= ${SHORT_SESSION_EVENTS} THEN 0 ELSE ${AFTER_EVERY_SEQ} END`;

/** Converts the column `newEvents`. Returns null when there may be more events than were read. */
export function parseNewEvents(rows: readonly EventRow[], after: number, sessionId: string): PerdureEvent[] | null {
  if (after === AFTER_EVERY_SEQ || rows.length === MAX_NEW_EVENTS) return null;
  return rows.map((row) => eventOf({ ...row, at: new Date(row.at).toISOString() }, sessionId));
}
