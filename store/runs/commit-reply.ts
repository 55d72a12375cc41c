import type { RejectedAnswer } from '../../contracts/output/output.ts';
import type { Finish, ProviderConversation, ProviderData, Usage } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import { touch, type LockedSession } from '../log/lock-session.ts';
import type { RunRow, StepRow } from '../log/rows.ts';
import type { LoadedRun } from './load-run.ts';
import { addTokens } from '../log/sums.ts';

/** A model's reply, whole or partial. */
export interface Reply {
  readonly text: string;
  readonly reasoning: string;
  readonly finish: Finish;
  readonly usage: Usage | null;
  readonly model: string;
  /** Of a run with fallback models. */
  readonly requestedModel?: string;
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  readonly partial: boolean;
  /** What the provider attached to the reply. */
  readonly providerData?: ProviderData;
  /** Where the provider keeps the conversation up to the reply. */
  readonly providerConversation?: ProviderConversation;
  /** Present if the text was to be a structured answer and is none. */
  readonly rejected?: RejectedAnswer;
  /** Number of older messages and replies that its context left out. */
  readonly omitted?: number;
  /** The middleware that has changed the text. */
  readonly changedBy?: readonly string[];
}

/** Records a reply as the outcome of its step, and adds its tokens and time to the run and the session. */
export function commitReply(
  session: LockedSession,
  pending: PendingEvents,
  run: RunRow,
  step: StepRow,
  reply: Reply,
): void {
  const { text, reasoning, durationMs, ...facts } = reply;
  const of = { runId: run.run_id, step: step.step, attempt: step.attempts };
  if (reasoning !== '') {
    pending.add({ type: 'reasoning.completed', ...of, text: reasoning }, `reasoning:${run.run_id}:${step.step}`);
  }
  const { changedBy, ...rest } = facts;
  const changed = changedBy ? { changedBy: [...changedBy] } : {};
  pending.add(
    { type: 'message.completed', ...of, text, ...rest, ...changed, durationMs },
    `reply:${run.run_id}:${step.step}`,
  );
  step.committed = true;
  step.model = reply.model;
  step.finish = reply.finish;
  step.usage = reply.usage;
  step.first_token_ms = reply.firstTokenMs;
  step.ended_at = session.at;
  run.steps += 1;
  run.active_ms += durationMs;
  addTokens(run, reply.usage);
  addTokens(session.row, reply.usage);
  touch(session);
}

/** The text of an attempt whose worker was lost, or has not reported it, as the live channel kept it. */
export interface KeptText {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly text: string;
  readonly reasoning: string;
}

/**
 * Commits the text of a model call that no worker has reported, as the partial reply of a run that is being cancelled. Does nothing unless
 * the text is that of the run's newest attempt, and its step has no reply. Returns the changed step. Call it before `closeRun`.
 */
export async function commitKeptText(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  { run, step, modelCall }: LoadedRun,
  kept: KeptText | null,
): Promise<readonly StepRow[]> {
  if (!kept || kept.text === '' || kept.runId !== run.run_id || !step || step.committed || !modelCall) return [];
  const isNewest = kept.step === step.step && kept.attempt === step.attempts;
  const isOfCall = modelCall.step === kept.step && modelCall.attempt === kept.attempt;
  // A call that has failed has retracted its text.
  if (!isNewest || !isOfCall || modelCall.outcome !== 'running') return [];
  const { text, reasoning } = kept;
  const throughSeq = await seqBefore(tx, session.key, modelCall.started_at);
  const { model } = modelCall;
  const times = { firstTokenMs: null, durationMs: 0 };
  const reply = {
    text,
    reasoning,
    model,
    throughSeq,
    ...times,
    finish: 'cancelled',
    usage: null,
    partial: true,
  } as const;
  commitReply(session, pending, run, step, reply);
  return [step];
}

/** The newest event when the call was claimed: what the model was given. */
async function seqBefore(tx: Tx, { user, session }: SessionKey, at: string): Promise<number> {
  const [found] = await tx.query<{ seq: number }>(
    `SELECT seq FROM perdure.events WHERE user_id = $1 AND session_id = $2 AND at <= $3 ORDER BY seq DESC LIMIT 1`,
    [user, session, at],
  );
  return found?.seq ?? 0;
}
