import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';

export interface ContextRange {
  readonly runId: string;
  /** Earlier runs at most, the newest ones; 0 for none. */
  readonly runs: number;
  /** Nothing later of `runId` itself. */
  readonly throughSeq: number;
}

/** What a model call is shown of a run: its messages, replies and tool calls, by `seq`. */
export interface ContextRun {
  readonly runId: string;
  /** `seq` of the newest start. */
  readonly startedSeq: number;
  readonly events: PerdureEvent[];
}

export interface Context {
  /** In the order of their starts. */
  readonly runs: ContextRun[];
  /** Whether no run has started since. */
  readonly newest: boolean;
}

/**
 * What a model call is made from: the newest runs started before `runId`, then `runId` itself. Empty for a run that has not started. A worker that knows the session does without: see `beginStep`'s `news`.
 */
export async function readContext(
  db: Db,
  key: SessionKey,
  { runId, runs, throughSeq }: ContextRange,
): Promise<Context> {
  // One look into the index for each run, whatever the planner knows: an embedded store has no statistics.
  const rows = await db.query<EventRow & { run_id: string; started_seq: number; newest_seq: number }>(
    `WITH this AS MATERIALIZED (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND started_seq IS NOT NULL
     ), earlier AS MATERIALIZED (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND started_seq < (SELECT started_seq FROM this)
        ORDER BY started_seq DESC
        LIMIT $4
     )
     SELECT r.started_seq, newest.seq AS newest_seq, e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
       FROM (SELECT * FROM earlier UNION ALL SELECT * FROM this) r
      CROSS JOIN LATERAL (
        SELECT * FROM perdure.events
         WHERE user_id = $1 AND session_id = $2 AND run_id = r.run_id
           AND (type = 'message.received' OR type = 'message.completed' OR type LIKE 'tool.%')
           AND (run_id <> $3 OR seq <= $5)
        OFFSET 0) e
      CROSS JOIN (SELECT max(started_seq) AS seq FROM perdure.runs WHERE user_id = $1 AND session_id = $2) newest
      ORDER BY r.started_seq, e.seq`,
    [key.user, key.session, runId, Math.max(0, runs), throughSeq],
  );
  const found: ContextRun[] = [];
  for (const { started_seq: startedSeq, newest_seq: _, ...row } of rows) {
    const event = eventOf(row, key.session);
    const last = found.at(-1);
    if (last?.runId === row.run_id) last.events.push(event);
    else found.push({ runId: row.run_id, startedSeq, events: [event] });
  }
  return { runs: found, newest: rows[0]?.newest_seq === found.at(-1)?.startedSeq };
}
