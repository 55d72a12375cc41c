import type { Db } from '../../../../store/db/db.ts';

interface InsertedRun {
  readonly status: string;
  /** Time since its admission. */
  readonly ageMs: number;
  /** From its admission to its end, if it has ended. Default 1 ms. */
  readonly tookMs?: number;
  /** Default `ann`. */
  readonly user?: string;
  /** Default: the id of the run. */
  readonly session?: string;
  /** Columns of `runs`. */
  readonly [column: string]: unknown;
}

const time = (ms: number): string => new Date(ms).toISOString();

/** Inserts a run of an agent `assistant`, with its session. Not with its events: for reads of lists only. */
export async function insertRun(db: Db, id: string, run: InsertedRun): Promise<void> {
  const { status, ageMs, tookMs = 1, user = 'ann', session = id, ...columns } = run;
  const at = Date.now() - ageMs;
  const hasEnded = ['completed', 'failed', 'cancelled'].includes(status);
  const row = {
    user_id: user,
    session_id: session,
    run_id: id,
    status,
    agent: 'assistant',
    urgent: false,
    message_ids: [],
    bytes: 0,
    last_message_seq: 1,
    resumes: 0,
    steps: 0,
    active_ms: 0,
    cost_nanos: 0,
    unpriced_calls: 0,
    unmetered_calls: 0,
    known_input_tokens: 0,
    known_output_tokens: 0,
    known_cached_tokens: 0,
    known_reasoning_tokens: 0,
    estimated_calls: 0,
    estimated_input_tokens: 0,
    estimated_output_tokens: 0,
    estimated_nanos: 0,
    failures: 0,
    foreign_pin: false,
    created_at: time(at),
    started_at: status === 'queued' ? null : time(at),
    ended_at: hasEnded ? time(at + tookMs) : null,
    ...columns,
  };
  await db.query(
    `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs, errors,
       last_ordinal, created_at, updated_at, last_active_at, opened_at, cost_nanos)
     SELECT $1, $2, 'session', 'active', $3, '{}', '{}', '{}', 1, 1, 1, 0, 1, t, t, t, t, $5 FROM (SELECT $4::timestamptz AS t) at
         ON CONFLICT DO NOTHING`,
    [user, session, row.agent, row.created_at, row.cost_nanos],
  );
  await db.query(
    `INSERT INTO perdure.runs
     SELECT (jsonb_populate_record(null::perdure.runs, $1::jsonb || jsonb_build_object('ordinal',
              (SELECT coalesce(max(ordinal), 0) + 1 FROM perdure.runs WHERE user_id = $2 AND session_id = $3)))).*`,
    [JSON.stringify(row), user, session],
  );
}

/** Inserts a row about a run that {@link insertRun} has inserted. */
export async function insertWait(
  db: Db,
  runId: string,
  table: 'inbox' | 'waits' | 'tool_calls' | 'model_calls',
  { agoMs = 0, ...given }: Readonly<Record<string, unknown>> & { readonly agoMs?: number },
): Promise<void> {
  const at = new Date(Date.now() - agoMs).toISOString();
  const columns = {
    inbox: {
      item_id: `item-${runId}`,
      call_id: 'c',
      step: 1,
      tool: 't',
      agent: 'assistant',
      hash: 'h',
      status: 'pending',
      arguments: {},
      rules: {},
      requested_at: at,
      expires_at: at,
      reminders: 0,
    },
    waits: { provider: 'held', started_at: at },
    tool_calls: {
      call_id: 'c',
      step: 1,
      position: 0,
      idempotent: true,
      idempotency_key: 'k',
      arguments: {},
      attempts: 1,
      started_at: at,
    },
    model_calls: {
      step: 1,
      attempt: 1,
      agent: 'assistant',
      model: 'held/one',
      day: at.slice(0, 10),
      started_at: at,
      held_nanos: 0,
      held_tokens: 0,
      made: true,
    },
  }[table];
  await db.query(
    `INSERT INTO perdure.${table}
     SELECT (jsonb_populate_record(null::perdure.${table}, to_jsonb(k) || $1::jsonb)).*
       FROM (SELECT user_id, session_id, run_id FROM perdure.runs WHERE run_id = $2) k`,
    [JSON.stringify({ ...columns, ...given }), runId],
  );
}
