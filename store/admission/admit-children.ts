import type { Policy } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { WokenRun } from '../children/hand-over-child.ts';
import { settleChildCall } from '../children/settle-child.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { isOpen } from '../../core/session/open-status.ts';
import { loadRun } from '../runs/load-run.ts';
import { openRunOf } from '../runs/order-open-runs.ts';
import { insertSession } from '../sessions/create-session.ts';
import type { AdmissionRequest, IncomingMessage } from './admission-request.ts';
import { decideAdmission } from './decide-admission.ts';
import { loadAdmissionState } from './load-admission-state.ts';

export interface ChildrenRequest extends Omit<AdmissionRequest, 'messages' | 'kind' | 'execution' | 'traceparent'> {
  /** The parent's run. */
  readonly runId: string;
  /** The most children that the run has at once. */
  readonly perRun: number;
  /** The messages that the children are given, by their ids, or why there is none. */
  readonly tasks: ReadonlyMap<string, IncomingMessage | { readonly problem: string }>;
}

export interface AdmittedChildren {
  readonly started: readonly { readonly key: SessionKey; readonly agent: string; readonly events: PerdureEvent[] }[];
  /** Of the parent's session: the results of calls whose children were refused. */
  readonly events: PerdureEvent[];
  /** The parent's run, if it has work now. */
  readonly woken: WokenRun | null;
}

interface StartingRow {
  readonly call_id: string;
  readonly child_id: string;
  readonly tool: string;
  readonly agent: string;
  readonly max_parallel: number | null;
  readonly policy: Policy;
  readonly status: 'starting' | 'running';
  readonly traceparent: string | null;
}

/**
 * Admits the children of a run that are next, each as a run of its own, as far as its limits allow, under the lock of its session: so
 * none is admitted for a run that has ended. A child that is refused fails its call, which the model is given.
 */
export async function admitChildren(db: Db, key: SessionKey, request: ChildrenRequest): Promise<AdmittedChildren> {
  const { runId, perRun, tasks } = request;
  return await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return { started: [], events: [], woken: null };
    const loaded = await loadRun(tx, key, runId);
    const { run, openCalls } = loaded;
    const children = await readUnfinished(tx, key, runId);
    const pending = pendingEvents(session);
    const running = children.filter(({ status }) => status === 'running');
    const started: { key: SessionKey; agent: string; events: PerdureEvent[] }[] = [];
    const closed = [];
    const before = run.status;
    // Those of a run that is being stopped end with it.
    const starting = run.stop_reason === null ? children.filter(({ status }) => status === 'starting') : [];
    for (const child of starting) {
      const waits = openCalls.some(({ call_id, status }) => call_id === child.call_id && status === 'waiting');
      if (!isOpen(run.status) || !waits) {
        await endUnstarted(tx, key, runId, child, 'cancelled');
        continue;
      }
      if (running.length >= perRun) break;
      if (child.max_parallel !== null && running.filter(({ tool }) => tool === child.tool).length >= child.max_parallel)
        continue;
      const task = tasks.get(child.child_id);
      // Of a call that was made after the tasks were read.
      if (!task) continue;
      const admitted = 'problem' in task ? task.problem : await admitChild(tx, key.user, child, task, request);
      if (typeof admitted === 'string') {
        const error = `The agent ${child.agent} could not be called: ${admitted}`;
        const call = settleChildCall(session, pending, loaded, {
          callId: child.call_id,
          startedAt: null,
          outcome: { status: 'failed', error },
        });
        if (call) closed.push(call);
        await endUnstarted(tx, key, runId, child, 'failed');
        continue;
      }
      running.push(child);
      started.push({ key: { user: key.user, session: child.child_id }, agent: child.agent, events: admitted });
    }
    const events =
      closed.length > 0 ? await appendEvents(tx, session, pending, { runs: [run], toolCalls: closed }) : [];
    const { kind, agent, served_by, epoch } = session.row;
    const hasWork = before !== 'queued' && run.status === 'queued';
    const woken = { key, kind, agent, run: openRunOf({ ...run }), served: served_by !== null, epoch };
    return { started, events, woken: hasWork ? woken : null };
  });
}

async function readUnfinished(tx: Tx, key: SessionKey, runId: string): Promise<StartingRow[]> {
  return await tx.query<StartingRow>(
    `SELECT call_id, child_id, tool, agent, max_parallel, policy, status, traceparent FROM perdure.child_runs
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND status IN ('starting', 'running')
      ORDER BY step, position`,
    [key.user, key.session, runId],
  );
}

/** Admits one child. Returns the events of its session, or why it was refused. */
async function admitChild(
  tx: Tx,
  user: string,
  child: StartingRow,
  task: IncomingMessage,
  request: ChildrenRequest,
): Promise<PerdureEvent[] | string> {
  const key = { user, session: child.child_id };
  const { traceparent, policy } = child;
  const admission: AdmissionRequest = {
    ...request,
    messages: [task],
    kind: 'run',
    execution: null,
    policy,
    ...(traceparent === null ? {} : { traceparent }),
  };
  const state = await loadAdmissionState(tx, key, admission, null);
  const decision = decideAdmission(state, task);
  if (!decision.ok) return decision.detail;
  const { session, pending } = state;
  if (!session || !pending) return 'its run could not be created.';
  const created = await insertSession(tx, session, {});
  if (!created) return `the run ${JSON.stringify(child.child_id)} exists already.`;
  const events = await appendEvents(tx, session, pending, { messages: state.messages, runs: [...state.runs] });
  await tx.query(
    `UPDATE perdure.child_runs SET status = 'running', started_at = clock_timestamp()
      WHERE user_id = $1 AND child_id = $2`,
    [user, child.child_id],
  );
  return events;
}

async function endUnstarted(
  tx: Tx,
  key: SessionKey,
  runId: string,
  { call_id }: StartingRow,
  outcome: 'failed' | 'cancelled',
): Promise<void> {
  await tx.query(
    `UPDATE perdure.child_runs
        SET status = 'ended', outcome = $5, ended_at = clock_timestamp(), held_nanos = 0, held_tokens = 0
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND call_id = $4`,
    [key.user, key.session, runId, call_id, outcome],
  );
}
