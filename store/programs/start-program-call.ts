import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { Json } from '../../contracts/json.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { programCallId } from '../../core/programs/program-call-id.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import type { Db } from '../db/db.ts';
import { requestItem, type WaitingCall } from '../items/request-item.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { ToolCallRow } from '../log/rows.ts';
import { closeCall } from '../runs/close-call.ts';
import { loadCall } from '../runs/load-call.ts';
import { loadRun } from '../runs/load-run.ts';
import type { ToolClaim } from '../runs/start-tool.ts';

/** A call of a tool that a program makes for the first time. */
export interface StartProgramCall {
  readonly runId: string;
  /** The `callId` of the program. */
  readonly program: string;
  /** From 1, in the order in which the program makes its calls. */
  readonly index: number;
  readonly tool: string;
  readonly arguments: Json;
  /** Whether the version of the tool that the run has pinned is idempotent. */
  readonly idempotent: boolean;
  /** Why the call is not executed; null if it is. */
  readonly refused: string | null;
  /** Present for a call that waits for an approval or a client. `holdsQueue`: the session's queued runs wait behind its run. */
  readonly waits?: WaitingCall & { readonly holdsQueue: boolean };
}

export type ProgramClaim =
  | Exclude<ToolClaim, { claim: 'superseded' }>
  | { readonly claim: 'waits'; readonly events: PerdureEvent[] };

/**
 * Records a call of a program, and claims it in the same transaction, unless it is refused or waits. `closed`: it is refused, or the
 * program itself has ended. Throws `not_found`.
 */
export async function startProgramCall(
  db: Db,
  key: SessionKey,
  { runId, program, index, tool, arguments: args, idempotent, refused, waits }: StartProgramCall,
): Promise<ProgramClaim> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { status, step } = await loadCall(tx, key, runId, program);
    if (status !== 'running') return { claim: 'closed', status, events: [] };
    const callId = programCallId(program, index);
    const isClaimed = refused === null && !waits;
    const call: ToolCallRow = {
      run_id: runId,
      call_id: callId,
      step,
      position: index,
      tool,
      program,
      status: waits ? 'waiting' : 'running',
      idempotent,
      idempotency_key: idempotencyKey(key, runId, callId),
      arguments: args,
      result: null,
      error: null,
      attempts: isClaimed ? 1 : 0,
      started_at: isClaimed ? session.at : null,
      ended_at: null,
    };
    const pending = pendingEvents(session);
    const called = { type: 'tool.called', runId, step, callId, tool, program, arguments: args } as const;
    pending.add(called, `call:${runId}:${callId}`);
    if (refused !== null) closeCall(pending, call, { status: 'failed', error: refused }, session.at, null);
    if (refused !== null || !waits) {
      const events = await appendEvents(tx, session, pending, { newCalls: [call] });
      if (refused !== null) return { claim: 'closed', status: call.status, events };
      return { claim: 'run', attempt: 1, tool, step, arguments: args, idempotencyKey: call.idempotency_key, events };
    }
    const { run } = await loadRun(tx, key, runId);
    run.holds_queue = waits.holdsQueue;
    const inbox = [requestItem(session, pending, run.agent, call, waits)];
    return {
      claim: 'waits',
      events: await appendEvents(tx, session, pending, { runs: [run], newCalls: [call], inbox }),
    };
  });
}
