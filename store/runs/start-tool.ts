import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { ToolStatus } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { closeCall } from './close-call.ts';
import type { Db } from '../db/db.ts';
import type { ToolCallRow } from '../log/rows.ts';
import { closeQuestions, questionsOf } from './questions/close-questions.ts';
import { loadCall } from './load-call.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';

export interface StartTool {
  readonly runId: string;
  readonly callId: string;
  /** Whether the tool, as deployed now, may be run again. A repeat requires that the pinned version is idempotent too. */
  readonly idempotent: boolean;
  /** Attempts after which a call without a result is not claimed again: each of them has lost its worker. */
  readonly maxAttempts: number;
  /** Epoch of the activity that serves the session, if that claims the call. Default: an activity of the call's own does. */
  readonly epoch?: number | null | undefined;
}

export type ToolClaim =
  | {
      readonly claim: 'run';
      /** From 1. */
      readonly attempt: number;
      readonly tool: string;
      readonly step: number;
      readonly arguments: Json;
      /** The same for every attempt of this call. */
      readonly idempotencyKey: string;
      readonly events: PerdureEvent[];
    }
  /** Another activity serves the session now. */
  | { readonly claim: 'superseded'; readonly events: [] }
  /** The call already has a result. */
  | { readonly claim: 'closed'; readonly status: ToolStatus; readonly events: PerdureEvent[] };

/**
 * Claims a tool call before it takes effect. A call that was claimed before and has no result has lost its worker, and may be
 * what ended it. It is claimed again if it is idempotent and has attempts left; otherwise it is closed as `unknown`. Throws
 * `not_found`.
 */
export async function startTool(
  db: Db,
  key: SessionKey,
  { runId, callId, idempotent, maxAttempts, epoch = null }: StartTool,
): Promise<ToolClaim> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    if (epoch !== null && epoch !== session.row.epoch) return { claim: 'superseded', events: [] };
    const call = await loadCall(tx, key, runId, callId);
    const pending = pendingEvents(session);
    if (call.status !== 'pending' && call.status !== 'running')
      return { claim: 'closed', status: call.status, events: [] };
    const error = call.status === 'running' ? lostFor(call, { idempotent, maxAttempts }) : null;
    if (error !== null) {
      closeCall(pending, call, { status: 'unknown', error }, session.at, null);
      const { openCalls } = await loadRun(tx, key, runId);
      const questions = questionsOf([call], openCalls);
      const inbox = await closeQuestions(tx, session, pending, questions, 'withdrawn');
      const events = await appendEvents(tx, session, pending, { toolCalls: [call, ...questions], inbox });
      return { claim: 'closed', status: 'unknown', events };
    }
    call.status = 'running';
    call.attempts += 1;
    call.started_at ??= session.at;
    const events = await appendEvents(tx, session, pending, { toolCalls: [call] });
    const { tool, step, arguments: args, idempotency_key: idempotencyKey, attempts: attempt } = call;
    return { claim: 'run', attempt, tool, step, arguments: args, idempotencyKey, events };
  });
}

/** Returns why a call that lost its worker is not run again; null if it is. */
function lostFor(
  call: ToolCallRow,
  { idempotent, maxAttempts }: Pick<StartTool, 'idempotent' | 'maxAttempts'>,
): string | null {
  const lost = 'The worker stopped while it executed the tool, so how the call ended is not known';
  if (!(idempotent && call.idempotent)) return `${lost}. The tool is not idempotent, so it is not called again.`;
  if (call.attempts < maxAttempts) return null;
  return `${lost}. This was attempt ${call.attempts} of at most ${maxAttempts} (retry.maxAttempts).`;
}
