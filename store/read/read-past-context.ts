import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Background } from '../../core/conversation/conversation-window.ts';
import { coversRun } from '../../core/conversation/summary.ts';
import type { Db } from '../db/db.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';
import { eventTypeCondition } from '../log/event-type-condition.ts';
import { backgroundOf, isPinned, PINNED_WITH_DECISIONS } from './background-rows.ts';

/** A run in the context of a past model call. */
interface PastRun {
  readonly runId: string;
  readonly startedSeq: number;
  readonly events: PerdureEvent[];
}

const IS_CONTENT = eventTypeCondition('e.type', ({ conversation }) => conversation === 'content');

/** The context of a model call of the past. */
interface PastContext {
  /** The run of the call is the last. */
  readonly runs: readonly PastRun[];
  /** Null unless the context began at a summary. */
  readonly background: Background | null;
}

/**
 * The content of the runs in the context of a model call of the past, in the order in which they had started by then, the run of the
 * call last. Decisions on messages count whatever their time: they were made before the messages were given. Runs that were resumed
 * since are where they were. Reads every start of a run of the session: not for hot paths.
 */
export async function readPastContext(
  db: Db,
  key: SessionKey,
  { runId, runs, throughSeq, atSummary, summary: summarySeq }: { readonly runId: string } & ContextRecord,
): Promise<PastContext> {
  const background = atSummary ? await readBackground(db, key, { runId, throughSeq, summarySeq }) : null;
  const summary = background?.summary ?? null;
  const rows = await db.query<EventRow & { run_id: string; started_seq: number }>(
    `WITH started AS MATERIALIZED (
       SELECT run_id, max(seq) AS seq FROM perdure.events
        WHERE user_id = $1 AND session_id = $2 AND type = 'run.started' AND seq <= $5
        GROUP BY run_id
     ), chosen AS MATERIALIZED (
       (SELECT * FROM started WHERE seq < (SELECT seq FROM started WHERE run_id = $3) ORDER BY seq DESC LIMIT $4)
       UNION ALL
       SELECT * FROM started WHERE run_id = $3
     )
     SELECT c.seq AS started_seq, e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
       FROM chosen c
       JOIN perdure.events e ON e.user_id = $1 AND e.session_id = $2 AND e.run_id = c.run_id
      WHERE (e.seq <= $5 OR e.type = 'input.decided') AND (${IS_CONTENT})
      ORDER BY c.seq, e.seq`,
    [key.user, key.session, runId, Math.max(0, runs), throughSeq],
  );
  const found = new Map<number, PastRun>();
  for (const { started_seq: startedSeq, ...row } of rows) {
    if (summary && row.run_id !== runId && coversRun(summary, startedSeq)) continue;
    const run = found.get(startedSeq) ?? { runId: row.run_id, startedSeq, events: [] };
    run.events.push(eventOf(row, key.session));
    found.set(startedSeq, run);
  }
  return { runs: [...found.values()], background };
}

/** Reads the summary `summarySeq`, and the pinned messages of the runs that had started before the run by then. */
async function readBackground(
  db: Db,
  key: SessionKey,
  { runId, throughSeq, summarySeq = 0 }: { runId: string; throughSeq: number; summarySeq: number | undefined },
): Promise<Background> {
  const rows = await db.query<EventRow>(
    `WITH started AS MATERIALIZED (
       SELECT run_id, max(seq) AS seq FROM perdure.events
        WHERE user_id = $1 AND session_id = $2 AND type = 'run.started' AND seq <= $4
        GROUP BY run_id
     ), pinned AS MATERIALIZED (
       SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data FROM perdure.events e
         JOIN started s ON s.run_id = e.run_id
        WHERE e.user_id = $1 AND e.session_id = $2 AND ${isPinned('e')} AND e.seq <= $4
          AND s.seq < (SELECT seq FROM started WHERE run_id = $3)
        ORDER BY e.seq
     )
     SELECT e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data FROM perdure.events e
      WHERE e.user_id = $1 AND e.session_id = $2 AND e.seq = $5 AND e.type = 'context.summarized'
      UNION ALL ${PINNED_WITH_DECISIONS}`,
    [key.user, key.session, runId, throughSeq, summarySeq],
  );
  return backgroundOf(rows, key);
}
