import type { Policy } from '../../contracts/agent.ts';
import type { RecordedChild } from '../../contracts/session/children.ts';
import type { Pause } from '../../contracts/admin/pause.ts';
import type { WaitKind } from '../../contracts/provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Retry, SessionSnapshot, WaitingFor } from '../../contracts/session/session.ts';
import { describeAnswerers, describeClient } from '../../core/tools/describe-answerers.ts';
import { pausedCall, pausedWait } from '../../core/pauses/paused-wait.ts';
import { expiryOf, type Lifespan, type LifetimePolicy } from '../../core/session/expiry.ts';
import type { Db } from '../db/db.ts';
import { orderOpenRuns, type OpenRunRow } from '../runs/order-open-runs.ts';
import { runRecordOf } from '../runs/records.ts';
import { inboxItemOf } from '../inbox/inbox-record.ts';
import type { InboxRow, ModelCallRow, RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import { SESSION_COLUMNS, sessionRecordOf, type SessionRecordRow } from './session-record.ts';

/** The open work of a session. */
interface OpenWork {
  readonly open: (OpenRunRow & { readonly created_at: string })[];
  readonly running: RunRow | null;
  readonly step: StepRow | null;
  /** The newest attempt of a model call of the running run. */
  readonly attempt: ModelCallRow | null;
  readonly calls: ToolCallRow[];
  /** The call of a context provider that is in progress. */
  readonly contextCall: { readonly provider: string; readonly started_at: string } | null;
  readonly held: {
    readonly kind: WaitKind;
    readonly provider: string;
    started_at: string;
    until_at: string | null;
  } | null;
  readonly children: RecordedChild[];
  /** The pending inbox items, the oldest first. */
  readonly items: InboxRow[];
}

/** A snapshot without the status of its children, which only Temporal has: lists the recorded ones, newest first. */
export type StoredSnapshot = Omit<SessionSnapshot, 'children'> & {
  readonly recordedChildren: readonly RecordedChild[];
};

/** Reads a session with its queue, its current run and what it waits for, from one snapshot; null when there is none. `lifetimeOf` returns the policy in force. `pauses`: what operators have paused, default nothing. */
export async function readSnapshot(
  db: Db,
  key: SessionKey,
  lifetimeOf: (agent: string, policy: Policy) => LifetimePolicy,
  pauses: readonly Pause[] = [],
): Promise<StoredSnapshot | null> {
  const [row] = await db.query<SessionRecordRow & OpenWork>(READ, [key.user, key.session]);
  if (!row) return null;
  const running = row.running && runRecordOf(row.running);
  const record = sessionRecordOf(row);
  const expiresAt = record.status === 'active' ? expiresAtOf(record, lifetimeOf(row.agent, row.policy)) : null;
  return {
    ...record,
    queue: orderOpenRuns(row.open.filter((run) => run.status === 'queued')).map((run) => run.runId),
    currentRun: running && {
      id: running.id,
      status: running.status,
      steps: running.steps,
      startedAt: running.startedAt,
      retry: retryOf(row.attempt),
    },
    waitingFor: waitingFor(row, expiresAt, pauses),
    ...pendingItems(row.items, key),
    expiresAt,
    recordedChildren: row.children,
  };
}

const OF_SESSION = (table: string) => `${table}.user_id = $1 AND ${table}.session_id = $2`;

const READ = `
  WITH running AS (SELECT * FROM perdure.runs r WHERE ${OF_SESSION('r')} AND r.status IN ('running', 'waiting')
                    ORDER BY r.status = 'running' DESC, r.ordinal LIMIT 1)
  SELECT ${SESSION_COLUMNS},
         (SELECT coalesce(json_agg(o), '[]')
            FROM (SELECT run_id, ordinal, urgent, status, bytes, created_at FROM perdure.runs r
                   WHERE ${OF_SESSION('r')} AND r.status IN ('queued', 'running') ORDER BY ordinal) o) AS open,
         (SELECT to_json(running) FROM running) AS running,
         (SELECT to_json(t) FROM perdure.steps t
           WHERE ${OF_SESSION('t')} AND t.run_id = (SELECT run_id FROM running)
           ORDER BY t.step DESC LIMIT 1) AS step,
         (SELECT to_json(m) FROM perdure.model_calls m
           WHERE ${OF_SESSION('m')} AND m.run_id = (SELECT run_id FROM running)
           ORDER BY m.step DESC, m.attempt DESC LIMIT 1) AS attempt,
         (SELECT coalesce(json_agg(c ORDER BY c.position), '[]') FROM perdure.tool_calls c
           WHERE ${OF_SESSION('c')} AND c.run_id = (SELECT run_id FROM running)
             AND c.status IN ('pending', 'running', 'waiting')) AS calls,
         (SELECT json_build_object('provider', x.provider, 'started_at', x.started_at)
            FROM perdure.context_calls x
           WHERE ${OF_SESSION('x')} AND x.run_id = (SELECT run_id FROM running WHERE context IS NOT NULL)
             AND x.status = 'running' LIMIT 1) AS "contextCall",
         (SELECT json_build_object('kind', w.kind, 'provider', w.provider, 'started_at', w.started_at, 'until_at', w.until_at)
            FROM perdure.waits w
           WHERE ${OF_SESSION('w')} AND w.run_id = (SELECT run_id FROM running) AND w.ended_at IS NULL) AS held,
         (SELECT coalesce(json_agg(json_build_object('workflowId', c.workflow_id, 'type', c.type,
                   'taskQueue', c.task_queue, 'tool', c.tool, 'runId', c.run_id)
                   ORDER BY c.noted_at DESC, c.workflow_id), '[]')
            FROM perdure.children c WHERE ${OF_SESSION('c')} AND c.ended_at IS NULL) AS children,
         (SELECT coalesce(json_agg(i ORDER BY i.requested_at, i.item_id), '[]') FROM perdure.inbox i
           WHERE ${OF_SESSION('i')} AND i.status = 'pending') AS items
    FROM perdure.sessions s
   WHERE ${OF_SESSION('s')}`;

function expiresAtOf(lifespan: Lifespan, lifetime: LifetimePolicy): string {
  return new Date(expiryOf(lifespan, lifetime).atMs).toISOString();
}

function retryOf(attempt: ModelCallRow | null): Retry | null {
  if (attempt === null || attempt.outcome !== 'failed') return null;
  const { step, attempt: number, error_code: code, retry_at: retryAt } = attempt;
  return { step, attempt: number, code: code ?? 'internal', retryAt: retryAt === null ? null : iso(retryAt) };
}

function waitingFor(row: SessionRecordRow & OpenWork, expiresAt: string | null, pauses: readonly Pause[]): WaitingFor {
  const {
    user_id: user,
    agent,
    status,
    last_active_at,
    open,
    running,
    step,
    attempt,
    calls,
    contextCall,
    held,
    items,
  } = row;
  const executed = calls.find((call) => call.status !== 'waiting' && !onlyAsks(call, calls));
  // A call that waits without an item is executed by another agent.
  const call = executed ?? calls.find(({ call_id: id }) => !items.some((item) => item.call_id === id));
  const queued = open.find((run) => run.status === 'queued');
  const item = items.find(({ run_id: runId }) => runId === running?.run_id);
  const isHeld = running?.status === 'waiting' && (running.holds_queue === true || !queued);
  if (item && (isHeld || (running?.status === 'running' && !executed && step?.committed === true))) return waitOf(item);
  const callSince = call && iso(call.started_at ?? step?.ended_at ?? last_active_at);
  const pausedTool = call?.status === 'pending' && callSince ? pausedCall(pauses, call.tool, callSince) : null;
  if (running && pausedTool) return pausedTool;
  if (running && call) return wait('tool', call.started_at ?? step?.ended_at ?? last_active_at, call.tool);
  if (running && contextCall)
    return wait('context', contextCall.started_at, `the context provider ${contextCall.provider}`);
  const isCalling = step?.committed === false && attempt?.outcome === 'running';
  const since = step?.ended_at ?? running?.started_at ?? last_active_at;
  const begun = running?.status === 'running' && !isCalling ? running : null;
  const paused =
    begun && pausedWait(pauses, { user, agent: begun.agent, hasBegun: true, model: begun.model, since: iso(since) });
  if (paused) return paused;
  if (running && held) return wait(held.kind, held.started_at, `the provider ${held.provider}`, held.until_at);
  if (running && step && !step.committed) return wait('model', step.started_at, running.model ?? 'a model');
  if (running?.status === 'running')
    return wait('worker', step?.ended_at ?? running.started_at ?? last_active_at, 'a worker');
  const starting = queued && { user, agent, hasBegun: false, model: null, since: iso(queued.created_at) };
  const pausedStart = starting && pausedWait(pauses, starting);
  if (pausedStart) return pausedStart;
  if (queued) return wait('worker', queued.created_at, 'a worker');
  if (status === 'completed') return wait('nothing', last_active_at, 'nobody');
  return wait('message', last_active_at, 'the user', expiresAt);
}

/** Whether a call in progress waits for the calls below it, which all wait for somebody. */
function onlyAsks({ call_id: id }: ToolCallRow, calls: readonly ToolCallRow[]): boolean {
  const below = calls.filter(({ program }) => program === id);
  return below.length > 0 && below.every(({ status }) => status === 'waiting');
}

/** The wait for the answer to an item. */
function waitOf({ kind, tool, rules, requested_at, expires_at }: InboxRow): WaitingFor {
  const who = kind === 'approval' ? describeAnswerers(rules) : describeClient(tool, rules);
  return wait(kind, requested_at, who, expires_at);
}

function pendingItems(rows: readonly InboxRow[], key: SessionKey) {
  const items = rows.map((row) => inboxItemOf(row, key));
  return {
    approvals: items.filter(({ kind }) => kind === 'approval'),
    clientCalls: items.filter(({ kind }) => kind === 'client'),
  };
}

function wait(what: WaitingFor['what'], since: string, who: string, until: string | null = null): WaitingFor {
  return { what, since: iso(since), who, until: until === null ? null : iso(until) };
}

function iso(time: string): string {
  return new Date(time).toISOString();
}
