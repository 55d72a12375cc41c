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
export async function readContext(db: Db, key: SessionKey, { runId, runs, throughSeq }: ContextRange): Promise<PerdureEvent[]> {
  const rows = await db.query<EventRow>(
    `WITH this AS (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND started_seq IS NOT NULL
     ), earlier AS (
       SELECT r.run_id, r.started_seq FROM perdure.runs r, this
        WHERE r.user_id = $1 AND r.session_id = $2 AND r.started_seq < this.started_seq
        ORDER BY r.started_seq DESC
        LIMIT $4
     )
     SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
       FROM (SELECT * FROM earlier UNION ALL SELECT * FROM this) r
       JOIN perdure.events e ON e.user_id = $1 AND e.session_id = $2 AND e.run_id = r.run_id
      WHERE (e.type = 'message.received' OR e.type = 'message.completed' OR e.type LIKE 'tool.%')
        AND (e.run_id <> $3 OR e.seq <= $5)
      ORDER BY r.started_seq, e.seq`,
    [key.user, key.session, runId, Math.max(0, runs), throughSeq],
  );
  return rows.map((row) => eventOf(row, key.session));
}
