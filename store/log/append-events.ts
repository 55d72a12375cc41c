import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { Tx } from '../db/db.ts';
import type { PendingEvents } from './pending-events.ts';
import { eventOf, eventRowOf } from './event-row.ts';
import type { LockedSession } from './lock-session.ts';
import type { MessageRow, ModelCallRow, RunRow, StepRow, ToolCallRow, UsageDayRow } from './rows.ts';
import { runStatsOf, type RunStatsRow } from './run-stats.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** The read models that change with the events: whole rows, inserted or replaced. */
export interface ChangedRows {
  readonly messages?: readonly MessageRow[];
  readonly runs?: readonly RunRow[];
  readonly steps?: readonly StepRow[];
  readonly toolCalls?: readonly ToolCallRow[];
  readonly modelCalls?: readonly ModelCallRow[];
  /** Added to what its user's day has. */
  readonly usageDays?: readonly UsageDayRow[];
}

/**
 * Appends events after the session's head, moves the head and saves the read models, `session.row` included, in one
 * statement. The caller holds the session's lock and has found, in the read models, that these events are new; the
 * unique dedupe keys and the comparison of the head make a mistake in that fail instead of repeating anything.
 */
export async function appendEvents(
  tx: Tx,
  session: LockedSession,
  { drafts }: PendingEvents,
  changed: ChangedRows = {},
): Promise<PerdureEvent[]> {
  const { key, at, row } = session;
  const head = row.head + drafts.length;
  const rows = drafts.map(({ event, dedupe }, index) => ({ ...eventRowOf(event, row.head + index + 1, at), dedupe }));
  const events = sanitizeJson(rows);
  const params: unknown[] = [key.user, key.session, row.head, sanitizeJson({ ...row, head, updated_at: at }).text];
  const writes: WriteName[] = [];
  const add = (name: WriteName, text: string) => {
    writes.push(name);
    params.push(text);
  };
  if (rows.length > 0) add('events', events.text);
  for (const name of ['messages', 'runs', 'steps', 'toolCalls', 'modelCalls', 'usageDays'] as const) {
    if (changed[name]?.length) add(name, sanitizeJson(changed[name]).text);
  }
  const ends = runStatsOf(drafts, changed.runs ?? [], at);
  if (ends.length > 0) {
    add('runStats', sanitizeJson(ends).text);
    params.push(...endCounts(ends));
  }
  const [saved] = await tx.query<{ version: string }>(statementOf(writes), params);
  if (!saved) throw new Error('The session changed under its lock.');
  session.version = saved.version;
  return events.value.map((event) => eventOf(event, key.session));
}

const TOKENS = 'input_tokens output_tokens cached_tokens reasoning_tokens';
const COST = 'cost_nanos unpriced_calls';

const WRITES = {
  events: saveAll('events', '', 'seq type run_id step attempt at dedupe data'),
  messages: saveAll('messages', '', 'message_id run_id seq body_hash interrupts receipt'),
  runs: saveAll(
    'runs',
    'run_id',
    `run_id ordinal urgent status agent agent_version model message_ids bytes last_message_seq started_seq resumes
     steps active_ms ${TOKENS} ${COST} output error created_at started_at ended_at`,
  ),
  steps: saveAll(
    'steps',
    'run_id step',
    'run_id step attempts attempts_before committed model finish usage first_token_ms started_at ended_at',
  ),
  toolCalls: saveAll(
    'tool_calls',
    'run_id call_id',
    `run_id call_id step position tool status idempotent idempotency_key arguments result error attempts
     started_at ended_at`,
  ),
  modelCalls: saveAll(
    'model_calls',
    'run_id step attempt',
    `run_id step attempt agent model answered_by day outcome error_code started_at ended_at first_token_ms duration_ms
     ${TOKENS} cost_nanos price_source price_date reserved_nanos reserved_tokens held_nanos held_tokens`,
  ),
  usageDays: addAll('usage_days', 'day agent model', `calls failed_calls unmetered_calls ${TOKENS} ${COST}`),
  runStats: `
    INSERT INTO perdure.run_stats AS t (user_id, day, agent, bucket, ended, failed, cancelled, busy_ms)
    SELECT $1, i.day, i.agent, i.bucket, i.ended, i.failed, i.cancelled, i.busy_ms
      FROM json_populate_recordset(NULL::perdure.run_stats, $rows::json) i
        ON CONFLICT (user_id, day, agent, bucket) DO UPDATE
       SET ended = t.ended + EXCLUDED.ended, failed = t.failed + EXCLUDED.failed,
           cancelled = t.cancelled + EXCLUDED.cancelled, busy_ms = t.busy_ms + EXCLUDED.busy_ms`,
};

const SESSION_COLUMNS = words(
  `status agent head messages runs errors last_ordinal end_reason execution updated_at last_active_at opened_at recovered ${TOKENS} ${COST}`,
);
const SAVE_SESSION = `
  UPDATE perdure.sessions s
     SET ${SESSION_COLUMNS.map((column) => `${column} = i.${column}`).join(', ')}$counted
    FROM json_populate_record(NULL::perdure.sessions, $4::json) i
   WHERE s.user_id = $1 AND s.session_id = $2 AND s.head = $3
  RETURNING s.xmin::text AS version`;

type WriteName = keyof typeof WRITES;

const statements = new Map<string, string>();

/** One statement for these writes, whose rows are `$5` and on, and the session's. Always the same text for the same writes: stores keep it prepared. */
function statementOf(writes: readonly WriteName[]): string {
  const shape = writes.join();
  const known = statements.get(shape);
  if (known !== undefined) return known;
  const parts = writes.map((name, index) => `${name} AS (${WRITES[name].replaceAll('$rows', `$${index + 5}`)})`);
  const save = SAVE_SESSION.replace('$counted', () => (writes.includes('runStats') ? counted(writes.length + 5) : ''));
  const statement = parts.length > 0 ? `WITH ${parts.join(', ')} ${save}` : save;
  statements.set(shape, statement);
  return statement;
}

/** What the ends of runs add to the session's own counters: {@link endCounts}, as parameters from `first` on. */
function counted(first: number): string {
  return `, ended_runs = s.ended_runs + $${first}::integer, timed_runs = s.timed_runs + $${first + 1}::integer,
          busy_ms = s.busy_ms + $${first + 2}::bigint`;
}

function endCounts(ends: readonly RunStatsRow[]): number[] {
  const timed = ends.filter(({ bucket }) => bucket >= 0);
  return [sum(ends, 'ended'), sum(timed, 'ended'), sum(timed, 'busy_ms')];
}

function sum(rows: readonly RunStatsRow[], name: 'ended' | 'busy_ms'): number {
  return rows.reduce((all, row) => all + row[name], 0);
}

/** Inserts the rows in the JSON array `$rows`; those whose `id` is there already are replaced, unless `id` is empty. */
function saveAll(table: string, id: string, columnNames: string): string {
  const columns = words(columnNames);
  const insert = `
    INSERT INTO perdure.${table} (user_id, session_id, ${columns.join(', ')})
    SELECT $1, $2, ${columns.map(valueOf).join(', ')} FROM json_populate_recordset(NULL::perdure.${table}, $rows::json) i`;
  if (id === '') return insert;
  const changes = columns
    .filter((column) => !words(id).includes(column))
    .map((column) => `${column} = EXCLUDED.${column}`);
  return `${insert} ON CONFLICT (user_id, session_id, ${words(id).join(', ')}) DO UPDATE SET ${changes.join(', ')}`;
}

/** Adds the sums in the JSON array `$rows` to the user's rows of the same `id`. */
function addAll(table: string, id: string, sumNames: string): string {
  const sums = words(sumNames);
  const columns = [...words(id), ...sums];
  return `
    INSERT INTO perdure.${table} AS t (user_id, ${columns.join(', ')})
    SELECT $1, ${columns.map((column) => `i.${column}`).join(', ')} FROM json_populate_recordset(NULL::perdure.${table}, $rows::json) i
        ON CONFLICT (user_id, ${words(id).join(', ')}) DO UPDATE
       SET ${sums.map((column) => `${column} = t.${column} + EXCLUDED.${column}`).join(', ')}`;
}

/** A JSON null arrives as an SQL NULL; as the arguments of a call it is a value. */
function valueOf(column: string): string {
  return column === 'arguments' ? `coalesce(i.arguments, 'null')` : `i.${column}`;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
