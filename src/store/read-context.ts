import type { PerdureEvent } from '../contracts/event.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Db } from './db.ts';
import { eventOf, type EventRow } from './event-row.ts';

export interface ContextRange {
  readonly runId: string;
  /** Earlier runs at most, the newest ones; 0 for none. */
  readonly runs: number;
  /** Nothing later of `runId` itself. */
  readonly throughSeq: number;
}

/**
 * The events that a model call is made from: messages, replies and tool calls of the newest runs started before
 * `runId`, then those of `runId`; ordered by the runs' starts, then by `seq`. Empty for a run that has not started.
 */
export async function readContext(
  db: Db,
  key: SessionKey,
  { runId, runs, throughSeq }: ContextRange,
): Promise<PerdureEvent[]> {
  // One look into the index for each run, whatever the planner knows: an embedded store has no statistics.
  const rows = await db.query<EventRow>(
    `WITH this AS MATERIALIZED (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND started_seq IS NOT NULL
     ), earlier AS MATERIALIZED (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND started_seq < (SELECT started_seq FROM this)
        ORDER BY started_seq DESC
        LIMIT $4
     )
     SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
       FROM (SELECT * FROM earlier UNION ALL SELECT * FROM this) r
      CROSS JOIN LATERAL (
        SELECT * FROM perdure.events
         WHERE user_id = $1 AND session_id = $2 AND run_id = r.run_id
           AND (type = 'message.received' OR type = 'message.completed' OR type LIKE 'tool.%')
           AND (run_id <> $3 OR seq <= $5)
        OFFSET 0) e
      ORDER BY r.started_seq, e.seq`,
    [key.user, key.session, runId, Math.max(0, runs), throughSeq],
  );
  return rows.map((row) => eventOf(row, key.session));
}
