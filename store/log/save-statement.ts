import { versionOf } from './lock-session.ts';

const TOKENS = 'input_tokens output_tokens cached_tokens reasoning_tokens';
const COST = 'cost_nanos unpriced_calls';
const ESTIMATES = 'estimated_input_tokens estimated_output_tokens estimated_nanos';
const CALL_SUMS = `unmetered_calls known_input_tokens known_output_tokens known_cached_tokens known_reasoning_tokens
  estimated_calls ${ESTIMATES}`;

const TOOL_CALL = `run_id call_id step position tool program status idempotent idempotency_key arguments result error attempts
  started_at ended_at`;

const WRITES = {
  events: saveAll('events', '', 'seq type run_id step attempt at dedupe data'),
  messages: saveAll('messages', '', 'message_id run_id seq body_hash interrupts receipt'),
  runs: saveAll(
    'runs',
    'run_id',
    `run_id ordinal urgent status agent agent_version model fallback_models answer_model context message_ids bytes last_message_seq started_seq resumes
     steps active_ms ${TOKENS} ${COST} ${CALL_SUMS} output object error created_at started_at ended_at failures traceparent holds_queue`,
  ),
  steps: saveAll(
    'steps',
    'run_id step',
    'run_id step attempts attempts_before committed model finish usage first_token_ms started_at ended_at',
  ),
  toolCalls: saveAll('tool_calls', 'run_id call_id', TOOL_CALL),
  newCalls: saveAll('tool_calls', '', TOOL_CALL),
  modelCalls: saveAll(
    'model_calls',
    'run_id step attempt',
    `run_id step attempt agent model answered_by day outcome error_code provider_message retry_at gave_up started_at ended_at
     first_token_ms duration_ms ${TOKENS} cost_nanos price_source price_date reserved_nanos reserved_tokens held_nanos
     held_tokens made context kind ${ESTIMATES}`,
  ),
  inbox: saveAll(
    'inbox',
    'item_id',
    `item_id run_id call_id step tool agent kind hash status arguments rules requested_at expires_at remind_at reminders
     answered_at answered_by decision reason edited`,
  ),
  attachments: `${saveAll('attachment_references', '', 'attachment_id')} ON CONFLICT DO NOTHING`,
  usageDays: addAll(
    'usage_days',
    'day agent model',
    `calls failed_calls unmetered_calls ${TOKENS} ${COST} estimated_calls ${ESTIMATES}`,
  ),
  runStats: `
    INSERT INTO perdure.run_stats AS t (user_id, day, agent, bucket, ended, failed, cancelled, busy_ms)
    SELECT $1, i.day, i.agent, i.bucket, i.ended, i.failed, i.cancelled, i.busy_ms
      FROM saved, json_populate_recordset(NULL::perdure.run_stats, $rows::json) i
        ON CONFLICT (user_id, day, agent, bucket) DO UPDATE
       SET ended = t.ended + EXCLUDED.ended, failed = t.failed + EXCLUDED.failed,
           cancelled = t.cancelled + EXCLUDED.cancelled, busy_ms = t.busy_ms + EXCLUDED.busy_ms`,
};

const SESSION_COLUMNS = words(
  `status agent head messages runs errors last_ordinal end_reason execution served_by epoch updated_at last_active_at opened_at recovered ${TOKENS} ${COST} ${CALL_SUMS}`,
);
const SAVE_SESSION = `
  UPDATE perdure.sessions s
     SET ${SESSION_COLUMNS.map((column) => `${column} = i.${column}`).join(', ')}$counted
    FROM json_populate_record(NULL::perdure.sessions, $4::json) i
   WHERE s.user_id = $1 AND s.session_id = $2 AND $condition
  RETURNING ${versionOf('s')} AS version`;

/** What the session's row is compared with, in `$3`: its head under the lock, its version without. */
const CONDITIONS = { head: 's.head = $3', version: `${versionOf('s')} = $3` };

/** The tables that a statement can write. */
export type WriteName = keyof typeof WRITES;

export interface Save {
  readonly writes: readonly WriteName[];
  readonly compares: keyof typeof CONDITIONS;
  /** Further columns to return, given the last parameter. Default: none. */
  readonly columns?: ((param: string) => string) | undefined;
}

const statements = new Map<string, string>();

/**
 * Returns one statement that saves the session's row, `$4`, and writes rows, the parameters from `$5` on, in JSON. It writes nothing
 * and returns no row if the session's row is not as `$3` has it. The text is the same for the same writes, so that it stays prepared.
 */
export function saveStatement({ writes, compares, columns }: Save): string {
  const shape = [compares, columns?.('$'), ...writes].join();
  const known = statements.get(shape);
  if (known !== undefined) return known;
  let next = 5;
  const parts = writes.map((name) => `${name} AS (${WRITES[name].replaceAll('$rows', `$${next++}`)})`);
  const counts = writes.includes('runStats') ? counted(next) : '';
  if (counts !== '') next += 3;
  const save = SAVE_SESSION.replace('$counted', () => counts).replace('$condition', () => CONDITIONS[compares]);
  const more = columns ? `, ${columns(`$${next}`)}` : '';
  const statement = `WITH ${[`saved AS (${save})`, ...parts].join(', ')} SELECT version${more} FROM saved`;
  statements.set(shape, statement);
  return statement;
}

/** Adds run ends to the session's counters. The parameters from `first` on are the numbers of all ends and of the timed ones, and the time of these. */
function counted(first: number): string {
  return `, ended_runs = s.ended_runs + $${first}::integer, timed_runs = s.timed_runs + $${first + 1}::integer,
          busy_ms = s.busy_ms + $${first + 2}::bigint`;
}

/** Returns an INSERT of the rows in the JSON array `$rows`. Rows with the same `id` columns are replaced; with an empty `id` they are a unique violation. */
function saveAll(table: string, id: string, columnNames: string): string {
  const columns = words(columnNames);
  const insert = `
    INSERT INTO perdure.${table} (user_id, session_id, ${columns.join(', ')})
    SELECT $1, $2, ${columns.map(valueOf).join(', ')}
      FROM saved, json_populate_recordset(NULL::perdure.${table}, $rows::json) i`;
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
    SELECT $1, ${columns.map((column) => `i.${column}`).join(', ')}
      FROM saved, json_populate_recordset(NULL::perdure.${table}, $rows::json) i
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
