import type { PerdureEvent } from '../../contracts/events/event.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { cursorOf, positionIn } from '../db/cursor.ts';
import type { Db } from '../db/db.ts';
import { eventOf, type EventRow } from '../log/event-row.ts';
import { eventTypeCondition } from '../log/event-type-condition.ts';

/** Runs that one query reads the sizes of. */
const RUNS_AT_ONCE = 200;
/** The place of a run that has not started: after all others. */
const NOT_STARTED = 2 ** 31 - 1;

const IS_CONTENT = eventTypeCondition('type', ({ conversation }) => conversation === 'content');

export interface TranscriptRuns {
  /** For each run, in the order in which they started, its messages, replies and tool calls; queued runs last. */
  readonly runs: readonly (readonly PerdureEvent[])[];
  readonly nextCursor: string | null;
}

/** Reads whole runs until they reach `LIMITS.eventPageBytes`; at least one. Throws `invalid_request` for an invalid cursor. */
export async function readTranscriptRuns(db: Db, key: SessionKey, cursor: string | undefined): Promise<TranscriptRuns> {
  const [started = -1, ordinal = 0] = cursor === undefined ? [] : positionIn(cursor, ['number', 'number']);
  const runs = await db.query<{ run_id: string; started: number; ordinal: number; bytes: number }>(
    `SELECT r.run_id, r.started, r.ordinal, coalesce(e.bytes, 0)::float8 AS bytes
       FROM (SELECT run_id, coalesce(started_seq, ${NOT_STARTED}) AS started, ordinal FROM perdure.runs
              WHERE user_id = $1 AND session_id = $2
                AND (coalesce(started_seq, ${NOT_STARTED}), ordinal) > ($3, $4)
              ORDER BY 2, 3 LIMIT ${RUNS_AT_ONCE}) r
      CROSS JOIN LATERAL (
        SELECT sum(octet_length(data::text)) AS bytes FROM perdure.events
         WHERE user_id = $1 AND session_id = $2 AND run_id = r.run_id AND (${IS_CONTENT})
        OFFSET 0) e
      ORDER BY r.started, r.ordinal`,
    [key.user, key.session, started, ordinal],
  );
  const page = cutAt(runs, LIMITS.eventPageBytes.value);
  const last = page.at(-1);
  const more = last !== undefined && (page.length < runs.length || runs.length === RUNS_AT_ONCE);
  return {
    runs: await readContents(
      db,
      key,
      page.map((run) => run.run_id),
    ),
    nextCursor: more ? cursorOf([last.started, last.ordinal]) : null,
  };
}

function cutAt<Run extends { readonly bytes: number }>(runs: readonly Run[], maxBytes: number): Run[] {
  let before = 0;
  return runs.filter(({ bytes }) => {
    const fits = before < maxBytes;
    before += bytes;
    return fits;
  });
}

/** Reads the content of each run, in the order of `runIds`. */
async function readContents(db: Db, key: SessionKey, runIds: readonly string[]): Promise<PerdureEvent[][]> {
  const rows = await db.query<EventRow & { place: number }>(
    `SELECT (r.place - 1)::int AS place, e.seq, e.type, e.run_id, e.step, e.attempt, e.at, e.data
       FROM json_array_elements_text($3::json) WITH ORDINALITY AS r(run_id, place)
      CROSS JOIN LATERAL (
        SELECT * FROM perdure.events
         WHERE user_id = $1 AND session_id = $2 AND run_id = r.run_id AND (${IS_CONTENT})
        OFFSET 0) e
      ORDER BY r.place, e.seq`,
    [key.user, key.session, JSON.stringify(runIds)],
  );
  const contents = runIds.map((): PerdureEvent[] => []);
  for (const { place, ...row } of rows) contents[place]?.push(eventOf(row, key.session));
  return contents;
}
