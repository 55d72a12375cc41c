import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';

/** Where the events of a run are among those of its session. */
export interface RunSpan {
  /** `seq` of its first event: its first message. */
  readonly firstSeq: number;
  /** Whether the run has ended and has no event after the `seq` that was asked about. */
  readonly isOver: boolean;
}

/** Reads where the events of a run are; null when the session has no such run. */
export async function readRunSpan(db: Db, key: SessionKey, runId: string, after: number): Promise<RunSpan | null> {
  const [found] = await db.query<{ first_seq: number | null; is_over: boolean }>(
    `SELECT (SELECT min(m.seq) FROM perdure.messages m
              WHERE m.user_id = $1 AND m.session_id = $2
                AND m.message_id IN (SELECT json_array_elements_text(r.message_ids))) AS first_seq,
            r.status NOT IN ('queued', 'running', 'waiting') AND NOT EXISTS (
              SELECT FROM perdure.events e
               WHERE e.user_id = $1 AND e.session_id = $2 AND e.run_id = $3 AND e.seq > $4) AS is_over
       FROM perdure.runs r
      WHERE r.user_id = $1 AND r.session_id = $2 AND r.run_id = $3`,
    [key.user, key.session, runId, after],
  );
  return found ? { firstSeq: found.first_seq ?? 1, isOver: found.is_over } : null;
}
