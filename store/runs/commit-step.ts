import { PerdureError } from '../../contracts/errors.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { Finish, Usage } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolveBudgets, type ResolvedBudgets } from '../../core/money/budget.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { ClaimedStep } from './begin-step.ts';
import { commitReply } from './commit-reply.ts';
import type { Db, Tx } from '../db/db.ts';
import { loadRunAndSpending } from './load-run.ts';
import { lockExistingSession, type LockedSession } from '../log/lock-session.ts';
import {
  NO_CALL_ROWS,
  settleModelCall,
  UNKNOWN_COST,
  type CallCost,
  type ModelCallEnd,
} from '../budgets/model-call.ts';
import { costRecordOf, usageOf, type ModelCallRow, type RunRow, type StepRow, type ToolCallRow } from '../log/rows.ts';
import { warnOfBudgets, type Spending } from '../budgets/warn-of-budgets.ts';

/** A tool call that a reply requests. */
export interface CommittedCall {
  /** Unique within its run. The caller renames ids that the model repeats. */
  readonly callId: string;
  readonly tool: string;
  readonly arguments: Json;
  /** Whether the commit claims the call, because the caller runs it at once. Other calls stay pending until `startTool`. */
  readonly inPlace: boolean;
  /** Whether the pinned tool may be run again with the same idempotency key. */
  readonly idempotent: boolean;
  /** Why the call is not run; it fails immediately. Null for a call that is run. */
  readonly refused: string | null;
}

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
  };
  /** Default: unknown. */
  readonly cost?: CallCost;
  /** The deployment's budgets, for warnings. Default: the defaults of `resolveBudgets`. */
  readonly budgets?: ResolvedBudgets;
  readonly toolCalls: readonly CommittedCall[];
  /** As returned by `beginStep`. */
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** As returned by `beginStep`. Saves reading the rows again when the session is unchanged. */
  readonly claimed?: ClaimedStep;
  /** Whether the reply completes the run, unless a steering message arrived after `throughSeq`. */
  readonly completes: boolean;
}

export type StepCommit =
  | { readonly outcome: 'committed'; readonly ended: boolean; readonly events: PerdureEvent[] }
  /** The run has ended, the step is already committed, or a later attempt was claimed. Nothing was written. */
  | { readonly outcome: 'stale'; readonly events: [] };

/** Commits a model's whole reply, its tool calls and, if it is the last reply, the end of the run, in one transaction. `commitRunEnd` commits partial replies. Throws `not_found`. */
export async function commitStep(db: Db, key: SessionKey, input: CommitStep): Promise<StepCommit> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const claimed = await claimedRows(tx, session, input);
    const { run, step, modelCall } = claimed;
    const current = step?.step === input.step && step.attempts === input.attempt && !step.committed;
    if (run.status !== 'running' || !current) return { outcome: 'stale', events: [] };
    await checkCallIds(tx, session, input);
    const pending = pendingEvents(session);
    const { reply, throughSeq, firstTokenMs, durationMs } = input;
    commitReply(session, pending, run, step, { ...reply, throughSeq, firstTokenMs, durationMs, partial: false });
    const calls = modelCall ? settleModelCall(session, run, modelCall, callEnd(input)) : NO_CALL_ROWS;
    const { runId, budgets = resolveBudgets() } = input;
    for (const added of calls.usageDays)
      await warnOfBudgets(tx, session, pending, { runId, added, budgets, spending: claimed });
    const toolCalls = input.toolCalls.map((call, position) => addCall(session, pending, input, call, position));
    const open = toolCalls.some((call) => call.status !== 'failed');
    const ended = input.completes && !open && run.last_message_seq <= input.throughSeq;
    if (ended) {
      complete(session, pending, run, reply.text);
      session.row.recovered = null;
    }
    const events = await appendEvents(tx, session, pending, { runs: [run], steps: [step], toolCalls, ...calls });
    return { outcome: 'committed', ended, events };
  });
}

/** Returns the claimed rows if the session is unchanged since the claim, else loads them. Copies, because the transaction may run more than once. */
async function claimedRows(
  tx: Tx,
  session: LockedSession,
  { runId, claimed }: CommitStep,
): Promise<Spending & { run: RunRow; step: StepRow | null; modelCall: ModelCallRow | null }> {
  if (claimed?.version === session.version) return structuredClone(claimed);
  return await loadRunAndSpending(tx, session.key, runId, dayOf(session.at));
}

function callEnd({ reply, cost = UNKNOWN_COST, firstTokenMs, durationMs }: CommitStep): ModelCallEnd {
  return { outcome: 'completed', answeredBy: reply.model, usage: reply.usage, cost, firstTokenMs, durationMs };
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

function addCall(
  { key, at }: LockedSession,
  pending: PendingEvents,
  { runId, step }: CommitStep,
  { callId, tool, arguments: args, inPlace, idempotent, refused }: CommittedCall,
  position: number,
): ToolCallRow {
  const call = { runId, step, callId, tool };
  pending.add({ type: 'tool.called', ...call, arguments: args }, `call:${runId}:${callId}`);
  if (refused !== null) {
    pending.add({ type: 'tool.failed', ...call, error: refused, attempts: 0 }, `result:${runId}:${callId}`);
  }
  const running = refused === null && inPlace;
  return {
    run_id: runId,
    call_id: callId,
    step,
    position,
    tool,
    status: refused === null ? (inPlace ? 'running' : 'pending') : 'failed',
    idempotent,
    idempotency_key: idempotencyKey(key, runId, callId),
    arguments: args,
    result: null,
    error: refused,
    attempts: running ? 1 : 0,
    started_at: running ? at : null,
    ended_at: refused === null ? null : at,
  };
}

function complete({ at }: LockedSession, pending: PendingEvents, run: RunRow, output: string): void {
  run.status = 'completed';
  run.output = output;
  run.ended_at = at;
  pending.add(
    {
      type: 'run.completed',
      runId: run.run_id,
      output,
      steps: run.steps,
      usage: usageOf(run),
      costUsd: costRecordOf(run).costUsd,
    },
    `end:${run.run_id}:${run.resumes}`,
  );
}
