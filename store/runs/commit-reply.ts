import type { Finish, Usage } from '../../contracts/session/run.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { addTokens, type RunRow, type StepRow } from '../log/rows.ts';

/** A model's reply, whole or partial. */
export interface Reply {
  readonly text: string;
  readonly reasoning: string;
  readonly finish: Finish;
  readonly usage: Usage | null;
  readonly model: string;
  readonly throughSeq: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  readonly partial: boolean;
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
  pending.add({ type: 'message.completed', ...of, text, ...facts, durationMs }, `reply:${run.run_id}:${step.step}`);
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
  session.row.last_active_at = session.at;
}
