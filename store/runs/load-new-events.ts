import type { PerdureEvent } from '../../contracts/session/event.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';
import type { LockedSession } from '../log/lock-session.ts';

/** What a worker knows of a session from before. */
export interface CachedPosition {
  /** Of the session that it knows: one that was deleted since is another. */
  readonly createdAt: string;
  /** It knows all of its conversation up to this `seq`. */
  readonly throughSeq: number;
}

/** More than this is read anew instead. */
const MAX_NEW_EVENTS = 400;
/** Events of a session that is read as a whole with the beginning of a step. */
const SHORT_SESSION_EVENTS = 100;
/** After the last `seq` there can be. */
const AFTER_EVERY_SEQ = 2_147_483_647;

/**
 * A column `news` for a statement that has the user as `$1` and the session as `$2`: what happened to the
 * conversation after the `seq` in `$after`, for `parseNewEvents`. It belongs under the session's lock.
 */
export function newEventsColumn(after: string): string {
  return `
         (SELECT coalesce(json_agg(to_json(n) ORDER BY n.seq), '[]')
            FROM (SELECT seq, type, run_id, step, attempt, at, data FROM perdure.events
                   WHERE user_id = $1 AND session_id = $2 AND seq > ${after}
                     AND (type IN ('message.received', 'message.completed', 'run.started', 'run.cancelled', 'run.failed')
                          OR type LIKE 'tool.%')
                   ORDER BY seq
                   LIMIT ${MAX_NEW_EVENTS}) n) AS news`;
}

/** The parameter `$after`. To who does not know this very session all of it is news, if it is short; otherwise nothing is. */
export function newEventsAfter(known: CachedPosition | null, { createdAt, row }: LockedSession): number {
  if (known?.createdAt === createdAt) return known.throughSeq;
  return row.head <= SHORT_SESSION_EVENTS ? 0 : AFTER_EVERY_SEQ;
}

/** Null when there may be more than what was read. */
export function parseNewEvents(rows: readonly EventRow[], after: number, sessionId: string): PerdureEvent[] | null {
  if (after === AFTER_EVERY_SEQ || rows.length === MAX_NEW_EVENTS) return null;
  return rows.map((row) => eventOf({ ...row, at: new Date(row.at).toISOString() }, sessionId));
}
