import type { Policy } from '../../contracts/agent.ts';
import type { ContextProgress } from '../../contracts/capabilities/context-provider.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ChangedRows } from '../log/append-events.ts';
import { claimedCall } from '../budgets/model-call.ts';
import type { Spending } from '../budgets/warn-of-budgets.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import { isOpen } from '../../core/session/open-status.ts';
import type { RunRow, StepRow } from '../log/rows.ts';
import { closeCalls, toolTimeMs, type ToolResult } from '../runs/finish-tools.ts';
import type { KnownRun } from './known-run.ts';
import { continuesCache, parseNewEvents, type CachedPosition } from '../runs/load-new-events.ts';
import type { LoadedPosition, LoadedRun } from '../runs/load-run.ts';
import { modelPlan } from './model-plan.ts';
import { fallbackModelsOf, toolCallRecordOf } from '../runs/records.ts';
import type { ConversationUpdate, RunPosition } from './run-position.ts';
import { settleLostCall } from './settle-lost-call.ts';

export interface BeginStep {
  readonly runId: string;
  /** Returns the agent version that the run is pinned to, and its models as `provider/model`. Called only when a run starts for the first time. */
  readonly pin: (agent: string, sessionPolicy: Policy) => PinnedModels & { readonly hash: string };
  /** Whether the model may be called now; if not, no attempt is claimed and the position is `held`. Default: it may. */
  readonly mayCall?: (model: string) => boolean;
  /** Whether the run waits because an operator has paused its agent, its user or everything; no step begins, and the position is `paused`. Default: it does not. */
  readonly isPaused?: (run: { readonly agent: string; readonly hasBegun: boolean }) => boolean;
  /** The model for which the caller has a permit. It is asked if the step may ask it. Default: the first that the step may ask. */
  readonly granted?: string;
  /** Results of tool calls that have just been run. Recorded first, as by `finishTools`, in the same transaction. Default: none. */
  readonly results?: readonly ToolResult[];
  /** The activity that serves the session. Default: none, for callers that only continue this run. */
  readonly server?: Server | undefined;
  /** The run as the caller has read or saved it last: one statement then begins the step, if the session is unchanged. Default: it is loaded under the session's lock. */
  readonly known?: KnownRun | null;
  /** The caller's cached conversation. If given, the position of a model call contains the events that are new since. */
  readonly cached?: CachedPosition | null;
}

/** The models of an agent. */
export interface PinnedModels {
  readonly model: string;
  /** Asked after `model`, in order. Default: none. */
  readonly fallbackModels?: readonly string[] | undefined;
  /** The progress of a run whose agent lists context providers, at its start. Default: it lists none. */
  readonly context?: ContextProgress | undefined;
}

/** An activity that serves a session. */
export interface Server {
  /** Its worker's identity in the store. */
  readonly workerId: string;
  /** As returned when it began to serve; null before. */
  readonly epoch: number | null;
  /** It begins to serve only if the session has this epoch. Default: it supersedes any other. */
  readonly follows?: number | null;
}

/** What a run needs next, and the changes to save before it is done: null if there are none. */
export interface StepDecision {
  readonly pending: PendingEvents;
  readonly changed: ChangedRows | null;
  /** Of the session after the changes were saved, with the events as they were stored. */
  readonly position: (events: readonly PerdureEvent[], spending: Spending) => RunPosition;
}

/** Decides what a run needs next. Changes the rows of the session and of `loaded`, whose `tries` are loaded. */
export function decideStep(session: LockedSession, loaded: LoadedPosition, input: BeginStep): StepDecision {
  const pending = pendingEvents(session);
  const as = (position: RunPosition, changed: ChangedRows | null): StepDecision => ({
    pending,
    changed,
    position: () => position,
  });
  if (isSuperseded(session, input.server)) return as({ kind: 'superseded' }, null);
  const { run, openCalls } = loaded;
  if (!isOpen(run.status)) return as({ kind: 'ended', status: run.status, session: session.row.status }, null);
  if (run.status === 'waiting') return as({ kind: 'waiting' }, null);
  if (run.stop_reason !== null) return as({ kind: 'stopped', reason: run.stop_reason }, null);
  const hasBegun = run.started_at !== null;
  const isPaused = input.isPaused?.({ agent: run.agent, hasBegun }) ?? false;
  if (isPaused && !hasBegun) return as({ kind: 'paused' }, null);
  const begins = beginServing(session, input.server);
  const { agentVersion, model: firstModel } = start(session, pending, run, input);
  const started = pending.drafts.length > 0;
  const results = input.results ?? [];
  const toolCalls = closeCalls(session, pending, openCalls, results);
  run.active_ms += toolTimeMs(results, toolCalls);
  const runs = started || toolCalls.length > 0 ? [run] : [];
  const pinned = { agentVersion, policy: session.row.policy };
  // The calls of a program are made again by the program.
  const stillOpen = openCalls.filter((call) => !toolCalls.includes(call) && call.program === null);
  const toExecute = stillOpen.filter(({ status }) => status !== 'waiting');
  const [firstCall] = toExecute;
  if (!firstCall && stillOpen.length > 0) {
    run.status = 'waiting';
    return as({ kind: 'waiting' }, { runs: [run], toolCalls });
  }
  if (firstCall) {
    const isChanged = begins || pending.drafts.length > 0;
    const calls = toExecute.map(toolCallRecordOf);
    return as({ kind: 'tools', step: firstCall.step, calls, ...pinned }, isChanged ? { runs, toolCalls } : null);
  }
  const phase = run.context?.phase ?? 'steps';
  if (phase !== 'steps') {
    const isChanged = begins || pending.drafts.length > 0;
    return as({ kind: 'context', phase, ...pinned }, isChanged ? { runs, toolCalls } : null);
  }
  const plan = modelPlan(loaded, firstModel, started);
  const { granted = '' } = input;
  const model = plan.candidates.includes(granted) ? granted : (plan.candidates[0] ?? firstModel);
  if (isPaused || input.mayCall?.(model) === false) {
    const steps = started ? resetAttempts(loaded) : [];
    const isChanged = begins || pending.drafts.length > 0 || steps.length > 0;
    const position = isPaused ? ({ kind: 'paused' } as const) : ({ kind: 'held', plan, ...pinned } as const);
    return as(position, isChanged ? { runs, steps, toolCalls } : null);
  }
  const step = nextAttempt(session, loaded, started);
  const lost = settleLostCall(session, loaded, step);
  const modelCall = claimedCall(session, run, step, model);
  const { usageDays } = lost;
  const changed = {
    runs: lost.modelCalls.length > 0 ? [run] : runs,
    steps: [step],
    toolCalls,
    modelCalls: [...lost.modelCalls, modelCall],
    usageDays,
  };
  return {
    pending,
    changed,
    position: (events, { ownLimits, spentToday, warned }) => ({
      kind: 'model',
      step: step.step,
      attempt: step.attempts,
      attemptsSinceResume: plan.attemptsOf(model) + 1,
      otherModels: plan.candidates.filter((other) => other !== model),
      failedModels: plan.failed,
      previousLost: lost.modelCalls.length > 0,
      throughSeq: session.row.head,
      model,
      activeMs: run.active_ms,
      recovered: session.row.recovered,
      ...pinned,
      ownLimits,
      conversation: conversationOf(session, loaded, input, events),
      claimed: { session, run, step, modelCall, isAlone: loaded.isAlone, ownLimits, spentToday, warned },
    }),
  };
}

function conversationOf(
  session: LockedSession,
  loaded: LoadedPosition,
  { cached = null }: BeginStep,
  events: readonly PerdureEvent[],
): ConversationUpdate {
  const { since, newEvents, headAt } = loaded;
  const continues = cached === null || continuesCache(cached, session, loaded);
  const before = continues ? parseNewEvents(newEvents, since, session.key.session) : null;
  return {
    createdAt: session.createdAt,
    continues,
    newEvents: before && [...before, ...events],
    since,
    throughAt: events.at(-1)?.at ?? headAt ?? session.at,
  };
}

function isSuperseded({ row }: LockedSession, server: Server | undefined): boolean {
  const expected = server?.epoch ?? server?.follows ?? null;
  return expected !== null && expected !== row.epoch;
}

/** Records that the activity serves the session, if it has not. Returns whether the session's row changed. */
function beginServing({ row }: LockedSession, server: Server | undefined): boolean {
  if (server === undefined || server.epoch !== null) return false;
  row.served_by = server.workerId;
  row.epoch += 1;
  return true;
}

/** Starts a queued run. A resumed run keeps the agent version that its committed steps were made with. */
function start(
  session: LockedSession,
  pending: PendingEvents,
  run: RunRow,
  { pin }: BeginStep,
): { agentVersion: string; model: string } {
  if (run.status === 'running') return pinOf(run) ?? missingPin(run);
  const { agentVersion, model } = pinOf(run) ?? setPin(run, pin(run.agent, session.row.policy));
  run.status = 'running';
  run.started_at ??= session.at;
  run.started_seq = pending.add(
    {
      type: 'run.started',
      runId: run.run_id,
      agent: run.agent,
      agentVersion,
      model,
      ...fallbackModelsOf(run),
      ...(run.resumes > 0 ? { continued: true } : {}),
    },
    `start:${run.run_id}:${run.resumes}`,
  );
  return { agentVersion, model };
}

function pinOf({ agent_version, model }: RunRow): { agentVersion: string; model: string } | null {
  return agent_version === null || model === null ? null : { agentVersion: agent_version, model };
}

function setPin(
  run: RunRow,
  { hash, model, fallbackModels = [], context }: PinnedModels & { readonly hash: string },
): { agentVersion: string; model: string } {
  run.agent_version = hash;
  run.model = model;
  run.fallback_models = fallbackModels.length > 0 ? [...fallbackModels] : null;
  run.context = context ?? null;
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
