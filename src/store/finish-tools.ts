import type { PerdureEvent } from '../contracts/event.ts';
import type { Json } from '../contracts/json.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import { appendEvents, newEvents, type EventLog } from './append-events.ts';
import { closeCall } from './close-call.ts';
import type { Db } from './db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession, type LockedSession } from './lock-session.ts';
import type { ToolCallRow } from './rows.ts';

export type ToolOutcome =
  | { readonly status: 'completed'; readonly result: Json }
  /** `error` is told to the model. */
  | { readonly status: 'failed' | 'unknown' | 'cancelled'; readonly error: string };

export interface ToolResult {
  readonly callId: string;
  readonly outcome: ToolOutcome;
  readonly durationMs: number;
  /** Tries that were begun, where they were made under one claim. */
  readonly attempts?: number | undefined;
}

/** Gives tool calls their results. A call that has one keeps it: each is closed exactly once. Throws `not_found`. */
export async function finishTools(
  db: Db,
  key: SessionKey,
  { runId, results }: { readonly runId: string; readonly results: readonly ToolResult[] },
): Promise<{ events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { openCalls } = await loadRun(tx, key, runId);
    const log = newEvents(session);
    const closed = closeCalls(session, log, openCalls, results);
    return { events: closed.length === 0 ? [] : await appendEvents(tx, session, log, { toolCalls: closed }) };
  });
}

/** Notes results of open calls, and answers the calls that got one. */
export function closeCalls(
  session: LockedSession,
  log: EventLog,
  openCalls: readonly ToolCallRow[],
  results: readonly ToolResult[],
): ToolCallRow[] {
  const open = new Map(openCalls.map((call) => [call.call_id, call]));
  const closed: ToolCallRow[] = [];
  for (const { callId, outcome, durationMs, attempts } of results) {
    const call = open.get(callId);
    if (!call) continue;
    open.delete(callId);
    call.attempts = Math.max(call.attempts, attempts ?? 0);
    closeCall(log, call, outcome, session.at, durationMs);
    closed.push(call);
  }
  if (closed.length > 0) session.row.last_active_at = session.at;
  return closed;
}
