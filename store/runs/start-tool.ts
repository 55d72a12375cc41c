import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { ToolStatus } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { closeCall } from './close-call.ts';
import type { Db } from '../db/db.ts';
import { loadCall } from './load-call.ts';
import { lockExistingSession } from '../log/lock-session.ts';

export interface StartTool {
  readonly runId: string;
  readonly callId: string;
  /** Whether the tool, as deployed now, may be run again. A repeat requires that the pinned version is idempotent too. */
  readonly idempotent: boolean;
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
  /** The call already has a result. */
  | { readonly claim: 'closed'; readonly status: ToolStatus; readonly events: PerdureEvent[] };

/**
 * Claims a tool call before it takes effect. A call that was claimed before and has no result is claimed again if it is
 * idempotent; otherwise it is closed as `unknown`. Throws `not_found`.
 */
export async function startTool(db: Db, key: SessionKey, { runId, callId, idempotent }: StartTool): Promise<ToolClaim> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const call = await loadCall(tx, key, runId, callId);
    const pending = pendingEvents(session);
    if (call.status !== 'pending' && call.status !== 'running')
      return { claim: 'closed', status: call.status, events: [] };
    if (call.status === 'running' && !(idempotent && call.idempotent)) {
      const error = 'the tool was begun, how it ended is not known, and it may not be run again';
      closeCall(pending, call, { status: 'unknown', error }, session.at, null);
      const events = await appendEvents(tx, session, pending, { toolCalls: [call] });
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
