import type { Policy } from '../../contracts/agent.ts';
import type { UserLimits } from '../../contracts/budget.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { RunStatus, ToolCallRecord } from '../../contracts/session/run.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { RecoveryReason } from '../../core/conversation/recovery-note.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { closeCalls, toolTimeMs, type ToolResult } from './finish-tools.ts';
import { newEventsAfter, parseNewEvents, type CachedPosition } from './load-new-events.ts';
import { loadRunAndNewEvents, type LoadedRun } from './load-run.ts';
import { lockExistingSession, type LockedSession } from '../log/lock-session.ts';
import { settleLostCall } from './settle-lost-call.ts';
import { claimedCall } from '../budgets/model-call.ts';
import { toolCallRecordOf } from './records.ts';
import { isOpen, type ModelCallRow, type RunRow, type StepRow } from '../log/rows.ts';
import type { Spending } from '../budgets/warn-of-budgets.ts';

export interface BeginStep {
  readonly runId: string;
  /** Returns the agent version that the run is pinned to, and its model as `provider/model`. Called only when a run starts for the first time. */
  readonly pin: (agent: string, sessionPolicy: Policy) => { readonly hash: string; readonly model: string };
  /** Whether the model may be called now; if not, no attempt is claimed and the position is `held`. Default: it may. */
  readonly mayCall?: (model: string) => boolean;
  /** Results of tool calls that have just been run. Recorded first, as by `finishTools`, in the same transaction. Default: none. */
  readonly results?: readonly ToolResult[];
  /** The caller's cached conversation. If given, the position of a model call contains the events that are new since. */
  readonly cached?: CachedPosition | null;
}

/** What a run needs next. `agentVersion` is the hash of the pinned version; `policy` is the session's own. */
export type RunPosition =
  | { readonly kind: 'ended'; readonly status: RunStatus; readonly session: SessionStatus }
  | {
      readonly kind: 'tools';
      readonly step: number;
      /** Calls without a result: pending or running. */
      readonly calls: ToolCallRecord[];
      readonly agentVersion: string;
      readonly policy: Policy;
    }
  /** A model call is next, but `mayCall` returned false. */
  | { readonly kind: 'held'; readonly model: string; readonly agentVersion: string; readonly policy: Policy }
  | {
      readonly kind: 'model';
      /** Reason of the session's last recovery; null once a run has completed since. */
      readonly recovered: RecoveryReason | null;
      readonly step: number;
      /** From 1. The commit of an earlier attempt is stale from now on. */
      readonly attempt: number;
      /** Attempts since the run was last resumed, this one included. Retry policies count these. */
      readonly attemptsSinceResume: number;
      /** `seq` of the newest event that the model call may see. */
      readonly throughSeq: number;
      readonly agentVersion: string;
      readonly model: string;
      readonly policy: Policy;
      /** Working time of the run so far, without waits. */
      readonly activeMs: number;
      readonly conversation: ConversationUpdate;
      /** Limits that an operator has set for the user; null for none. */
      readonly ownLimits: UserLimits | null;
      /** Pass to `commitStep`. */
      readonly claimed: ClaimedStep;
    };

/** The rows of a claimed step. They are current as long as the session's `version` is unchanged. */
export interface ClaimedStep extends Spending {
  readonly version: string;
  readonly run: RunRow;
  readonly step: StepRow;
  readonly modelCall: ModelCallRow;
}

/** Events of the conversation that the caller has not cached. */
export interface ConversationUpdate {
  /** When the session was created: see {@link CachedPosition}. */
  readonly createdAt: string;
  /** Events of the conversation after `since` and up to the position's `throughSeq`, in order. Null: read the context from scratch. */
  readonly newEvents: readonly PerdureEvent[] | null;
  readonly since: number;
}

/**
 * Continues a run after its committed steps: starts the run if it is queued, and claims the next attempt of its
 * model call unless tool calls are open. A committed reply is never requested again. Throws `not_found`.
 */
export async function beginStep(
  db: Db,
  key: SessionKey,
  input: BeginStep,
): Promise<RunPosition & { readonly events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const since = newEventsAfter(input.cached ?? null, session);
    const loaded = await loadRunAndNewEvents(tx, key, input.runId, { after: since, day: dayOf(session.at) });
    const { run, openCalls } = loaded;
    if (!isOpen(run.status)) return { kind: 'ended', status: run.status, session: session.row.status, events: [] };
    const pending = pendingEvents(session);
    const { agentVersion, model } = start(session, pending, run, input);
    const started = pending.drafts.length > 0;
    const results = input.results ?? [];
    const toolCalls = closeCalls(session, pending, openCalls, results);
    run.active_ms += toolTimeMs(results, toolCalls);
    const runs = started || toolCalls.length > 0 ? [run] : [];
    const pinned = { agentVersion, policy: session.row.policy };
    const stillOpen = openCalls.filter((call) => !toolCalls.includes(call));
    const [firstCall] = stillOpen;
    if (firstCall) {
      const events = pending.drafts.length > 0 ? await appendEvents(tx, session, pending, { runs, toolCalls }) : [];
      return { kind: 'tools', step: firstCall.step, calls: stillOpen.map(toolCallRecordOf), ...pinned, events };
    }
    if (input.mayCall?.(model) === false) {
      const steps = started ? resetAttempts(loaded) : [];
      const changed = pending.drafts.length > 0 || steps.length > 0;
      const events = changed ? await appendEvents(tx, session, pending, { runs, steps, toolCalls }) : [];
      return { kind: 'held', model, ...pinned, events };
    }
    const step = nextAttempt(session, loaded, started);
    const lost = settleLostCall(session, loaded, step);
    const call = claimedCall(session, run, step, model);
    const modelCalls = [...lost.modelCalls, call];
    const changed = { runs: lost.modelCalls.length > 0 ? [run] : runs, steps: [step], toolCalls };
    const events = await appendEvents(tx, session, pending, { ...changed, modelCalls, usageDays: lost.usageDays });
    const throughSeq = session.row.head + pending.drafts.length;
    const attemptsSinceResume = step.attempts - step.attempts_before;
    const claim = {
      step: step.step,
      attempt: step.attempts,
      attemptsSinceResume,
      throughSeq,
      model,
      activeMs: run.active_ms,
      recovered: session.row.recovered,
    };
    const before = parseNewEvents(loaded.newEvents, since, key.session);
    const conversation = { createdAt: session.createdAt, newEvents: before && [...before, ...events], since };
    const { ownLimits, spentToday, warned } = loaded;
    const claimed = { version: session.version, run, step, modelCall: call, ownLimits, spentToday, warned };
    return { kind: 'model', ...claim, ...pinned, ownLimits, conversation, claimed, events };
  });
}

/** Starts a queued run. A resumed run keeps the agent version that its committed steps were made with. */
function start(
  session: LockedSession,
  pending: PendingEvents,
  run: RunRow,
  { pin }: BeginStep,
): { agentVersion: string; model: string } {
  if (run.status === 'running') return pinOf(run) ?? missingPin(run);
  const { agentVersion, model } = pinOf(run) ?? newPin(pin(run.agent, session.row.policy));
  run.agent_version = agentVersion;
  run.model = model;
  run.status = 'running';
  run.started_at ??= session.at;
  run.started_seq = pending.add(
    { type: 'run.started', runId: run.run_id, agent: run.agent, agentVersion, model },
    `start:${run.run_id}:${run.resumes}`,
  );
  return { agentVersion, model };
}

function pinOf({ agent_version, model }: RunRow): { agentVersion: string; model: string } | null {
  return agent_version === null || model === null ? null : { agentVersion: agent_version, model };
}

function newPin({ hash, model }: { hash: string; model: string }): { agentVersion: string; model: string } {
  return { agentVersion: hash, model };
}

function missingPin(run: RunRow): never {
  throw new Error(`The run ${run.run_id} is running without a pinned agent.`);
}

/** Returns the open step of a resumed run with its attempts so far excluded from the retry count. */
function resetAttempts({ step }: LoadedRun): StepRow[] {
  return step && !step.committed ? [{ ...step, attempts_before: step.attempts }] : [];
}

/** Returns the row of the step whose model call is next, with the attempt counted. `started`: it is the first attempt after a start or a resume. */
function nextAttempt({ at }: LockedSession, { run, step: newest }: LoadedRun, started: boolean): StepRow {
  if (newest && !newest.committed) {
    const { attempts, attempts_before } = newest;
    return { ...newest, attempts: attempts + 1, attempts_before: started ? attempts : attempts_before };
  }
  return {
    run_id: run.run_id,
    step: (newest?.step ?? 0) + 1,
    attempts: 1,
    attempts_before: 0,
    committed: false,
    model: null,
    finish: null,
    usage: null,
    first_token_ms: null,
    started_at: at,
    ended_at: null,
  };
}
