import type { Policy } from '../../contracts/agent.ts';
import type { RecordedChild } from '../../contracts/session/children.ts';
import type { WaitKind } from '../../contracts/provider.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionSnapshot, WaitingFor } from '../../contracts/session/session.ts';
import { expiryOf, type Lifespan, type LifetimePolicy } from '../../core/session/expiry.ts';
import type { Db } from '../db/db.ts';
import { orderOpenRuns, type OpenRunRow } from '../runs/order-open-runs.ts';
import { runRecordOf } from '../runs/records.ts';
import type { RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import { SESSION_COLUMNS, sessionRecordOf, type SessionRecordRow } from './session-record.ts';

/** The open work of a session. */
interface OpenWork {
  readonly open: (OpenRunRow & { readonly created_at: string })[];
  readonly running: RunRow | null;
  readonly step: StepRow | null;
  readonly calls: ToolCallRow[];
  readonly held: {
    readonly kind: WaitKind;
    readonly provider: string;
    started_at: string;
    until_at: string | null;
  } | null;
  readonly children: RecordedChild[];
}

/** A snapshot without the status of its children, which only Temporal has: lists the recorded ones, newest first. */
export type StoredSnapshot = Omit<SessionSnapshot, 'children'> & {
  readonly recordedChildren: readonly RecordedChild[];
};

/** Reads a session with its queue, its current run and what it waits for, from one snapshot; null when there is none. `lifetimeOf` returns the policy in force. */
export async function readSnapshot(
  db: Db,
  key: SessionKey,
  lifetimeOf: (agent: string, policy: Policy) => LifetimePolicy,
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
    },
    waitingFor: waitingFor(row, expiresAt),
    expiresAt,
    recordedChildren: row.children,
  };
}

const OF_SESSION = (table: string) => `${table}.user_id = $1 AND ${table}.session_id = $2`;

const READ = `
  WITH running AS (SELECT * FROM perdure.runs r WHERE ${OF_SESSION('r')} AND r.status = 'running' LIMIT 1)
  SELECT ${SESSION_COLUMNS},
         (SELECT coalesce(json_agg(o), '[]')
            FROM (SELECT run_id, ordinal, urgent, status, bytes, created_at FROM perdure.runs r
                   WHERE ${OF_SESSION('r')} AND r.status IN ('queued', 'running') ORDER BY ordinal) o) AS open,
         (SELECT to_json(running) FROM running) AS running,
         (SELECT to_json(t) FROM perdure.steps t
           WHERE ${OF_SESSION('t')} AND t.run_id = (SELECT run_id FROM running)
           ORDER BY t.step DESC LIMIT 1) AS step,
         (SELECT coalesce(json_agg(c ORDER BY c.position), '[]') FROM perdure.tool_calls c
           WHERE ${OF_SESSION('c')} AND c.run_id = (SELECT run_id FROM running)
             AND c.status IN ('pending', 'running')) AS calls,
         (SELECT json_build_object('kind', w.kind, 'provider', w.provider, 'started_at', w.started_at, 'until_at', w.until_at)
            FROM perdure.waits w
           WHERE ${OF_SESSION('w')} AND w.run_id = (SELECT run_id FROM running) AND w.ended_at IS NULL) AS held,
         (SELECT coalesce(json_agg(json_build_object('workflowId', c.workflow_id, 'type', c.type,
                   'taskQueue', c.task_queue, 'tool', c.tool, 'runId', c.run_id)
                   ORDER BY c.noted_at DESC, c.workflow_id), '[]')
            FROM perdure.children c WHERE ${OF_SESSION('c')} AND c.ended_at IS NULL) AS children
    FROM perdure.sessions s
   WHERE ${OF_SESSION('s')}`;

function expiresAtOf(lifespan: Lifespan, lifetime: LifetimePolicy): string {
  return new Date(expiryOf(lifespan, lifetime).atMs).toISOString();
}

function waitingFor(
  { status, last_active_at, open, running, step, calls, held }: SessionRecordRow & OpenWork,
  expiresAt: string | null,
): WaitingFor {
  const [call] = calls;
  if (running && call) return wait('tool', call.started_at ?? step?.ended_at ?? last_active_at, call.tool);
  if (running && held) return wait(held.kind, held.started_at, `the provider ${held.provider}`, held.until_at);
  if (running && step && !step.committed) return wait('model', step.started_at, running.model ?? 'a model');
  if (running) return wait('worker', step?.ended_at ?? running.started_at ?? last_active_at, 'a worker');
  const [queued] = open;
  if (queued) return wait('worker', queued.created_at, 'a worker');
  if (status === 'completed') return wait('nothing', last_active_at, 'nobody');
  return wait('message', last_active_at, 'the user', expiresAt);
}

function wait(what: WaitingFor['what'], since: string, who: string, until: string | null = null): WaitingFor {
  return { what, since: iso(since), who, until: until === null ? null : iso(until) };
}

function iso(time: string): string {
  return new Date(time).toISOString();
}
