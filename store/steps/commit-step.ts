import type { RunBudget } from '../../contracts/budget.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { RejectedAnswer } from '../../contracts/output/output.ts';
import type { ContextRecord } from '../../contracts/session/call-context.ts';
import type { Finish, ProviderConversation, ProviderData, Usage } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolveBudgets, type ResolvedBudgets } from '../../core/money/budget.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { appendAndReturn, appendEvents } from '../log/append-events.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import { rememberEnded } from '../log/resting-session.ts';
import { afterCommit, type KnownRun } from './known-run.ts';
import type { ClaimedStep } from './run-position.ts';
import { insertChildren, withShares } from '../children/new-children.ts';
import { commitReply } from '../runs/commit-reply.ts';
import { completeRun, setAnswer } from '../runs/complete-run.ts';
import type { Db, Tx } from '../db/db.ts';
import { loadRunAndSpending, type LoadedRun } from '../runs/load-run.ts';
import { asOfNow, lockExistingSession, type LockedSession } from '../log/lock-session.ts';
import { reportCall } from '../runs/report-call.ts';
import {
  NO_CALL_ROWS,
  settleModelCall,
  UNKNOWN_COST,
  type CallCost,
  type CallEstimate,
  type CallRows,
  type ModelCallEnd,
} from '../budgets/model-call.ts';
import { newCall, requestItems, type CommittedCall } from './new-calls.ts';
import type { InboxRow, ModelCallRow, RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import { OWN_LIMITS } from '../budgets/spending-columns.ts';
import { mayBeDue, warnOfBudgets } from '../budgets/warn-of-budgets.ts';

export interface CommitStep {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly reply: {
    readonly text: string;
    /** Empty when the provider sent none. */
    readonly reasoning: string;
    readonly finish: Finish;
    readonly usage: Usage | null;
    readonly model: string;
    readonly providerData?: ProviderData;
    readonly providerConversation?: ProviderConversation;
    /** Present if the text was to be a structured answer and is none. */
    readonly rejected?: RejectedAnswer;
    /** Number of older messages and replies that its context left out. Default 0. */
    readonly omitted?: number;
    /** The middleware that has changed the text. */
    readonly changedBy?: readonly string[];
  };
  /** The structured answer in the reply. Default: none. */
  readonly object?: JsonObject | undefined;
  /** Default: unknown. */
  readonly cost?: CallCost;
  /** Charged where the usage or the cost is unknown. Default: the estimate that was recorded before the call. */
  readonly estimate?: CallEstimate | null;
  /** The deployment's budgets, for warnings. Default: the defaults of `resolveBudgets`. */
  readonly budgets?: ResolvedBudgets;
  readonly toolCalls: readonly CommittedCall[];
  /** The limits of the run and its session, of which the children of `toolCalls` get their shares. Default: none. */
  readonly budget?: RunBudget;
  /** Whether the session's queued runs wait behind this one while a call waits. Default false. */
  readonly holdsQueue?: boolean;
  /** How the context of the call was composed. Default: unknown. */
  readonly context?: ContextRecord;
  /** As returned by `beginStep`. */
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** As returned by `beginStep`. Default: the rows are loaded under the session's lock. */
  readonly claimed?: ClaimedStep;
  /** Whether the reply completes the run, unless a steering message arrived after `throughSeq`. */
  readonly completes: boolean;
}

export type StepCommit =
  | {
      readonly outcome: 'committed';
      readonly ended: boolean;
      readonly events: PerdureEvent[];
      /** The run after the commit, to pass to `beginStep`; null if it has ended. */
      readonly next: KnownRun | null;
    }
  /** The run has ended, the step is already committed, or a later attempt was claimed. Only what the model call used was recorded. */
  | { readonly outcome: 'stale'; readonly events: [] };

/**
 * Commits a model's whole reply, its tool calls and, if it is the last reply, the end of the run: with one statement if the session
 * is unchanged since the claim, else in a transaction. `commitRunEnd` commits partial replies. Throws `not_found`.
 */
export async function commitStep(db: Db, key: SessionKey, input: CommitStep): Promise<StepCommit> {
  return (await commitClaimed(db, input)) ?? (await commitLocked(db, key, input));
}

async function commitLocked(db: Db, key: SessionKey, input: CommitStep): Promise<StepCommit> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const loaded = await loadRunAndSpending(tx, key, input.runId, dayOf(session.at));
    const { run, step, modelCall } = loaded;
    const current =
      step?.step === input.step && step.attempts === input.attempt && !step.committed && isClaim(input, modelCall);
    if (run.status !== 'running' || !current) {
      const late = await reportCall(tx, session, loaded, input, callEnd(input));
      if (late.modelCalls.length > 0) await appendEvents(tx, session, pendingEvents(session), { runs: [run], ...late });
      return { outcome: 'stale', events: [] };
    }
    await checkCallIds(tx, session, input);
    const pending = pendingEvents(session);
    const held = { nanos: modelCall?.held_nanos ?? 0, tokens: modelCall?.held_tokens ?? 0 };
    const calls = addReply(session, pending, { run, step, modelCall }, input);
    const { runId, budgets = resolveBudgets() } = input;
    const settled = modelCall && { held, call: modelCall };
    const { toolCalls, children } = await withShares(tx, session, { ...input, settled });
    for (const added of calls.usageDays)
      await warnOfBudgets(tx, session, pending, { runId, added, budgets, spending: loaded });
    const rest = addCallsAndEnd(session, pending, { run, step, modelCall }, { ...input, toolCalls });
    const { toolCalls: newCalls, inbox } = rest;
    const events = await appendEvents(tx, session, pending, { runs: [run], steps: [step], newCalls, inbox, ...calls });
    if (children.length > 0) await insertChildren(tx, session, newCalls, children);
    return committed(session, { ...loaded, run, step }, rest, events);
  });
}

/** Commits with one statement. Returns null, and has changed nothing, if the session has changed or a budget's warning may be due. */
async function commitClaimed(db: Db, input: CommitStep): Promise<StepCommit | null> {
  const { claimed, budgets = resolveBudgets() } = input;
  // The shares of children are carved under the session's lock.
  if (!claimed || input.toolCalls.some(({ child }) => child)) return null;
  const session = asOfNow(db, claimed.session);
  const pending = pendingEvents(session);
  const { isAlone } = claimed;
  const [run, step, modelCall] = [{ ...claimed.run }, { ...claimed.step }, { ...claimed.modelCall }];
  const calls = addReply(session, pending, { run, step, modelCall }, input);
  if (calls.usageDays.some((added) => mayBeDue(added, budgets, claimed))) return null;
  const rest = addCallsAndEnd(session, pending, { run, step, modelCall }, input);
  const { toolCalls: newCalls, inbox } = rest;
  const changed = { runs: [run], steps: [step], newCalls, inbox, ...calls };
  const saved = await appendAndReturn(db, session, pending, changed, OWN_LIMITS);
  if (!saved) return null;
  const { events, returned: ownLimits } = saved;
  if (rest.ended && isAlone === true) rememberEnded(db, session, ownLimits, run);
  return committed(session, { run, step, modelCall, ownLimits, isAlone }, rest, events);
}

interface StepRows {
  readonly run: LoadedRun['run'];
  readonly step: StepRow;
  readonly modelCall: ModelCallRow | null;
}

function addReply(
  session: LockedSession,
  pending: PendingEvents,
  { run, step, modelCall }: StepRows,
  input: CommitStep,
): CallRows {
  const { reply, throughSeq, firstTokenMs, durationMs } = input;
  run.failures = 0;
  if (modelCall) addRebuilt(pending, modelCall, input);
  const facts = { ...requestedModelOf(run, modelCall), throughSeq, firstTokenMs, durationMs, partial: false };
  commitReply(session, pending, run, step, { ...reply, ...facts });
  return modelCall ? settleModelCall(session, run, modelCall, callEnd(input)) : NO_CALL_ROWS;
}

/** Records that the call was given the transcript where its provider was to keep the conversation. */
function addRebuilt(
  pending: PendingEvents,
  { model }: ModelCallRow,
  { runId, step, attempt, context }: CommitStep,
): void {
  const reason = context?.continuation?.rebuilt;
  if (reason === undefined) return;
  pending.add({ type: 'context.rebuilt', runId, step, attempt, model, reason }, `rebuilt:${runId}:${step}`);
}

/** The model that was asked, of a run with more than one. */
function requestedModelOf(run: RunRow, call: ModelCallRow | null): { readonly requestedModel?: string } {
  return run.fallback_models && call ? { requestedModel: call.model } : {};
}

interface CallsAndEnd {
  readonly toolCalls: readonly ToolCallRow[];
  readonly inbox: readonly InboxRow[];
  readonly ended: boolean;
}

function addCallsAndEnd(
  session: LockedSession,
  pending: PendingEvents,
  { run, modelCall }: StepRows,
  input: CommitStep,
): CallsAndEnd {
  const toolCalls = input.toolCalls.map((call, position) => newCall(session, pending, input, call, position));
  const inbox = requestItems(session, pending, run, input, toolCalls);
  const open = toolCalls.some((call) => call.status !== 'failed');
  const ended = input.completes && !open && run.last_message_seq <= input.throughSeq;
  if (ended) {
    const { requestedModel } = requestedModelOf(run, modelCall);
    setAnswer(run, { output: input.reply.text, object: input.object, answerModel: requestedModel });
    if (run.context?.after) {
      run.context = { ...run.context, phase: 'after' };
      return { toolCalls, inbox, ended: false };
    }
    completeRun(session, pending, run);
  }
  return { toolCalls, inbox, ended };
}

function committed(
  session: LockedSession,
  rows: StepRows & Pick<KnownRun['loaded'], 'ownLimits' | 'isAlone'>,
  { toolCalls, ended }: CallsAndEnd,
  events: PerdureEvent[],
): StepCommit {
  const next = ended ? null : afterCommit(session, { ...rows, toolCalls }, events);
  return { outcome: 'committed', ended, events, next };
}

/** Whether the stored attempt is the claimed one. A store that was restored from a backup assigns the numbers of attempts again. */
function isClaim({ claimed }: CommitStep, stored: ModelCallRow | null): boolean {
  if (!claimed || !stored) return true;
  return Date.parse(stored.started_at) === Date.parse(claimed.modelCall.started_at);
}

function callEnd({
  reply,
  cost = UNKNOWN_COST,
  estimate,
  context,
  firstTokenMs,
  durationMs,
}: CommitStep): ModelCallEnd {
  const charged = estimate === undefined ? {} : { estimate };
  const { model: answeredBy, usage } = reply;
  return { outcome: 'completed', answeredBy, usage, cost, context, firstTokenMs, durationMs, ...charged };
}

/** Throws `internal` for a call id that is used twice within the run. */
async function checkCallIds(tx: Tx, { key }: LockedSession, { runId, toolCalls }: CommitStep): Promise<void> {
  if (toolCalls.length === 0) return;
  const ids = toolCalls.map((call) => call.callId);
  const known = await tx.query<{ call_id: string }>(
    `SELECT call_id FROM perdure.tool_calls
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3
        AND call_id IN (SELECT json_array_elements_text($4::json))`,
    [key.user, key.session, runId, JSON.stringify(ids)],
  );
  const repeated = known[0]?.call_id ?? ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated === undefined) return;
  throw new PerdureError(
    'internal',
    `The tool call id ${JSON.stringify(repeated)} is used twice in the run ${runId}. Call ids must be unique within a run.`,
  );
}
