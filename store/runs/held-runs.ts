/** SQL condition: the run `r` is queued behind a run of the session of `user` and `session` that waits for somebody and holds the queue. */
const isHeldIn = (r: string, user: string, session: string): string => `
  (${r}.status = 'queued' AND NOT ${r}.urgent AND EXISTS (
    SELECT FROM perdure.runs w
     WHERE w.user_id = ${user} AND w.session_id = ${session} AND w.status = 'waiting' AND w.holds_queue))`;

/**
 * SQL condition: the run `r` is queued behind a run that waits for somebody and holds the session's queue. A run that goes on after an
 * answer, or whose message interrupts, is urgent: it waits behind none.
 */
export const isHeld = (r: string): string => isHeldIn(r, `${r}.user_id`, `${r}.session_id`);

/**
 * SQL condition, as {@link isHeld}, for runs of the session `$2` of the user `$1`: PostgreSQL looks once for the run that holds the queue.
 * For the runs of many sessions it reads those that wait into a hash, which for one session would be the whole table.
 */
export const isHeldInSession = (r: string): string => isHeldIn(r, '$1', '$2');

/** SQL condition: the run `r` has work, which an activity can do now. */
export const hasWork = (r: string): string => `(${r}.status IN ('queued', 'running') AND NOT ${isHeld(r)})`;

/** SQL condition, as {@link hasWork}, for runs of the session `$2` of the user `$1`. */
export const hasWorkInSession = (r: string): string =>
  `(${r}.status IN ('queued', 'running') AND NOT ${isHeldInSession(r)})`;
