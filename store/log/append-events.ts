import { EVENT_TRAITS, type PerdureEvent } from '../../contracts/session/event.ts';
import type { Tx } from '../db/db.ts';
import type { PendingEvents } from './pending-events.ts';
import { eventOf, eventRowOf } from './event-row.ts';
import type { LockedSession } from './lock-session.ts';
import type { MessageRow, ModelCallRow, RunRow, StepRow, ToolCallRow, UsageDayRow } from './rows.ts';
import { runStatsOf, type RunStatsRow } from './run-stats.ts';
import { sanitizeJson } from '../db/sanitize.ts';

/** Rows of the read models that change with the events. Each is a whole row that is inserted or replaces the one before. */
export interface ChangedRows {
  readonly messages?: readonly MessageRow[];
  readonly runs?: readonly RunRow[];
  readonly steps?: readonly StepRow[];
  readonly toolCalls?: readonly ToolCallRow[];
  readonly modelCalls?: readonly ModelCallRow[];
  /** Added to the user's sums of the day. */
  readonly usageDays?: readonly UsageDayRow[];
}

/**
 * Appends the pending events after the session's head, advances the head and saves the read models, including
 * `session.row`, in one statement. Returns the events as they were stored. The caller holds the session's lock and has
 * checked against the read models that the events are new; if it has not, the unique dedupe keys or the comparison of
 * the head make the statement fail.
 */
export async function appendEvents(
  tx: Tx,
  session: LockedSession,
  { drafts }: PendingEvents,
  changed: ChangedRows = {},
): Promise<PerdureEvent[]> {
  checkRows(drafts, changed);
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

/** Throws for an event without a row of each read model that {@link EVENT_TRAITS} names for its type. */
function checkRows(drafts: PendingEvents['drafts'], changed: ChangedRows): void {
  for (const { event } of drafts) {
    const missing = EVENT_TRAITS[event.type].rows.find((name) => !changed[name]?.length);
    if (missing) throw new Error(`The event ${event.type} was appended without a row of ${missing}.`);
  }
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

/** Returns one statement for the writes, whose rows are the parameters from `$5` on, and for the session's row. The text is the same for the same writes, so that it stays prepared. */
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

/** Adds run ends to the session's counters. The parameters from `first` on are {@link endCounts}. */
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

/** Returns an INSERT of the rows in the JSON array `$rows`. Rows with the same `id` columns are replaced; with an empty `id` they are a unique violation. */
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

/** Returns a statement that adds the sums in the JSON array `$rows` to the user's rows with the same `id` columns. */
function addAll(table: string, id: string, sumNames: string): string {
  const sums = words(sumNames);
  const columns = [...words(id), ...sums];
  return `
    INSERT INTO perdure.${table} AS t (user_id, ${columns.join(', ')})
    SELECT $1, ${columns.map((column) => `i.${column}`).join(', ')} FROM json_populate_recordset(NULL::perdure.${table}, $rows::json) i
        ON CONFLICT (user_id, ${words(id).join(', ')}) DO UPDATE
       SET ${sums.map((column) => `${column} = t.${column} + EXCLUDED.${column}`).join(', ')}`;
}

/** `json_populate_recordset` turns a JSON null into an SQL NULL; as the arguments of a tool call it is a value. */
function valueOf(column: string): string {
  return column === 'arguments' ? `coalesce(i.arguments, 'null')` : `i.${column}`;
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
