import type { Json } from '../../contracts/json.ts';
import type { PendingEvents } from '../log/pending-events.ts';
import type { ToolCallRow } from '../log/rows.ts';

/** The result of a tool call. */
export type ToolOutcome =
  | {
      readonly status: 'completed';
      readonly result: Json;
      /** Ids of the attachments in the result. Default: none. */
      readonly attachments?: readonly string[];
    }
  /** `error` becomes part of the conversation. */
  | { readonly status: 'failed' | 'unknown' | 'cancelled'; readonly error: string };

/** Records the result of an open tool call. With `durationMs` null, the duration is counted from the call's start. */
export function closeCall(
  pending: PendingEvents,
  call: ToolCallRow,
  outcome: ToolOutcome,
  at: string,
  durationMs: number | null,
): void {
  const { run_id: runId, call_id: callId, step, tool, attempts } = call;
  const of = { runId, step, callId, tool, ...(call.program === null ? {} : { program: call.program }) };
  const dedupe = `result:${runId}:${callId}`;
  if (outcome.status === 'completed') {
    const elapsed = durationMs ?? Date.parse(at) - Date.parse(call.started_at ?? at);
    const { result, attachments = [] } = outcome;
    const files = attachments.length === 0 ? {} : { attachments: [...attachments] };
    pending.add({ type: 'tool.completed', ...of, result, ...files, attempts, durationMs: elapsed }, dedupe);
    call.result = result;
  } else {
    const { error } = outcome;
    if (outcome.status === 'failed') pending.add({ type: 'tool.failed', ...of, error, attempts }, dedupe);
    if (outcome.status === 'unknown') pending.add({ type: 'tool.unknown', ...of, error, attempts }, dedupe);
    if (outcome.status === 'cancelled') pending.add({ type: 'tool.cancelled', ...of, error }, dedupe);
    call.error = error;
  }
  call.status = outcome.status;
  call.ended_at = at;
}

/** Returns the outcome of a call that is abandoned, for the reason in the sentence `why`: `unknown` for a started call that may not be repeated, otherwise `cancelled`. */
export function abandonedOutcome(call: ToolCallRow, why: string): ToolOutcome {
  if (call.status === 'running' && !call.idempotent) {
    return { status: 'unknown', error: `${why} The tool was executing and may have acted.` };
  }
  return { status: 'cancelled', error: why };
}
