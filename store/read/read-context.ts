import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Background } from '../../core/conversation/conversation-window.ts';
import type { Db } from '../db/db.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';
import { eventTypeCondition } from '../log/event-type-condition.ts';
import { backgroundOf, isPinned, PINNED_WITH_DECISIONS } from './background-rows.ts';

export interface ContextRange {
  readonly runId: string;
  /** Maximum number of earlier runs, the newest first; 0 for none. */
  readonly runs: number;
  /** Events of `runId` after this `seq` are left out. */
  readonly throughSeq: number;
  /** Whether the context begins at the session's newest summary. Default false. */
  readonly atSummary?: boolean | undefined;
}

/** The events of a run that belong to the context of a model call: messages, replies and tool calls, ordered by `seq`. */
export interface ContextRun {
  readonly runId: string;
  /** `seq` of the run's newest `run.started`. */
  readonly startedSeq: number;
  readonly events: PerdureEvent[];
}

export interface Context {
  /** In the order in which they started. */
  readonly runs: ContextRun[];
  /** Whether `runId` is the run that started last. */
  readonly newest: boolean;
  /** Null unless the context begins at a summary. */
  readonly background: Background | null;
}

const IS_CONTENT = eventTypeCondition('type', ({ conversation }) => conversation === 'content');

/**
 * Reads the context of a model call: the newest runs that started before `runId`, then `runId` itself. Empty for a run
 * that has not started. A worker that has the conversation cached does not need it: see `newEvents` of `beginStep`.
 */
export async function readContext(
  db: Db,
  key: SessionKey,
  { runId, runs, throughSeq, atSummary = false }: ContextRange,
): Promise<Context> {
  const background = atSummary ? await readBackground(db, key, runId, throughSeq) : null;
  const summary = background?.summary ?? null;
  const since = summary === null ? -1 : summary.throughSeq - (summary.throughStep === null ? 0 : 1);
  // LATERAL with OFFSET 0 forces one index scan per run: the embedded store has no statistics to plan by.
  const rows = await db.query<EventRow & { run_id: string; started_seq: number; newest_seq: number }>(
    `WITH this AS MATERIALIZED (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND started_seq IS NOT NULL
     ), earlier AS MATERIALIZED (
       SELECT run_id, started_seq FROM perdure.runs
        WHERE user_id = $1 AND session_id = $2 AND started_seq < (SELECT started_seq FROM this) AND started_seq > $6
        ORDER BY started_seq DESC
        LIMIT $4
     )
     SELECT r.started_seq, newest.seq AS newest_seq, e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
       FROM (SELECT * FROM earlier UNION ALL SELECT * FROM this) r
      CROSS JOIN LATERAL (
        SELECT * FROM perdure.events
         WHERE user_id = $1 AND session_id = $2 AND run_id = r.run_id
           AND (${IS_CONTENT})
           AND (run_id <> $3 OR seq <= $5)
        OFFSET 0) e
      CROSS JOIN (SELECT max(started_seq) AS seq FROM perdure.runs WHERE user_id = $1 AND session_id = $2) newest
      ORDER BY r.started_seq, e.seq`,
    [key.user, key.session, runId, Math.max(0, runs), throughSeq, since],
  );
  const found: ContextRun[] = [];
  for (const { started_seq: startedSeq, newest_seq: _, ...row } of rows) {
    const event = eventOf(row, key.session);
    const last = found.at(-1);
    if (last?.runId === row.run_id) last.events.push(event);
    else found.push({ runId: row.run_id, startedSeq, events: [event] });
  }
  return { runs: found, newest: rows[0]?.newest_seq === found.at(-1)?.startedSeq, background };
}

/** Reads the newest summary up to `throughSeq`, and the pinned messages of the runs that started before `runId`. */
async function readBackground(db: Db, key: SessionKey, runId: string, throughSeq: number): Promise<Background> {
  const rows = await db.query<EventRow>(
    `WITH pinned AS MATERIALIZED (
       SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data FROM perdure.events e
         JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = $2 AND r.run_id = e.run_id
        WHERE e.user_id = $1 AND e.session_id = $2 AND ${isPinned('e')} AND e.seq <= $4
          AND r.started_seq < (SELECT started_seq FROM perdure.runs WHERE user_id = $1 AND session_id = $2 AND run_id = $3)
        ORDER BY e.seq
     )
     (SELECT seq, type, run_id, step, attempt, at, data FROM perdure.events
       WHERE user_id = $1 AND session_id = $2 AND type = 'context.summarized' AND seq <= $4
       ORDER BY seq DESC LIMIT 1)
      UNION ALL ${PINNED_WITH_DECISIONS}`,
    [key.user, key.session, runId, throughSeq],
  );
  return backgroundOf(rows, key);
}
