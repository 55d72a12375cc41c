import type { Json } from '../../contracts/json.ts';
import { idempotencyKey } from '../../core/tools/idempotency-key.ts';
import type { NewChild } from '../children/new-children.ts';
import { requestItem, type WaitingCall } from '../items/request-item.ts';
import type { LockedSession } from '../log/lock-session.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { InboxRow, RunRow, ToolCallRow } from '../log/rows.ts';

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
  /** Present if an agent executes the call, as a run of its own: the call waits for its end. */
  readonly child?: NewChild;
  /** Present for a call that waits for an approval, or for a client. */
  readonly waits?: WaitingCall;
}

/** The row of a call of a reply, with its events. */
export function newCall(
  { key, at }: LockedSession,
  pending: PendingEvents,
  { runId, step }: { readonly runId: string; readonly step: number },
  { callId, tool, arguments: args, inPlace, idempotent, refused, waits, child }: CommittedCall,
  position: number,
): ToolCallRow {
  const call = { runId, step, callId, tool };
  const link = child ? { childRunId: child.childId } : {};
  pending.add({ type: 'tool.called', ...call, arguments: args, ...link }, `call:${runId}:${callId}`);
  if (refused !== null) {
    pending.add({ type: 'tool.failed', ...call, error: refused, attempts: 0 }, `result:${runId}:${callId}`);
  }
  const running = refused === null && inPlace && !waits;
  return {
    run_id: runId,
    call_id: callId,
    step,
    position,
    tool,
    program: null,
    status: refused !== null ? 'failed' : waits || child ? 'waiting' : inPlace ? 'running' : 'pending',
    idempotent,
    idempotency_key: idempotencyKey(key, runId, callId),
    arguments: args,
    result: null,
    error: refused,
    attempts: running ? 1 : 0,
    started_at: running || child ? at : null,
    ended_at: refused === null ? null : at,
  };
}

/** Requests an answer for each call that waits for one. `rows`: of the calls, in their order. */
export function requestItems(
  session: LockedSession,
  pending: PendingEvents,
  run: RunRow,
  { toolCalls, holdsQueue = false }: { readonly toolCalls: readonly CommittedCall[]; readonly holdsQueue?: boolean },
  rows: readonly ToolCallRow[],
): InboxRow[] {
  const items = toolCalls.flatMap(({ waits }, at) => {
    const row = rows[at];
    return waits && row?.status === 'waiting' ? [requestItem(session, pending, run.agent, row, waits)] : [];
  });
  if (rows.some(({ status }) => status === 'waiting')) run.holds_queue = holdsQueue;
  return items;
}
