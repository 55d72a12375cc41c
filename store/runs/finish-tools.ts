import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import { closeCall, type ToolOutcome } from './close-call.ts';
import { closeQuestions, questionsOf } from './questions/close-questions.ts';
import type { Db, Tx } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession, touch, type LockedSession } from '../log/lock-session.ts';
import type { ToolCallRow } from '../log/rows.ts';

export interface ToolResult {
  readonly callId: string;
  readonly outcome: ToolOutcome;
  /** Duration of the last attempt. */
  readonly durationMs: number;
  /** Duration of all attempts under one claim, without the waits between them. Default: `durationMs`. */
  readonly workedMs?: number | undefined;
  /** Attempts that were started under one claim. Default: the one that the claim counted. */
  readonly attempts?: number | undefined;
}

/** Records the results of tool calls. A call that has a result keeps it, so that each call has exactly one. Throws `not_found`. */
export async function finishTools(
  db: Db,
  key: SessionKey,
  { runId, results }: { readonly runId: string; readonly results: readonly ToolResult[] },
): Promise<{ events: PerdureEvent[] }> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run, openCalls } = await loadRun(tx, key, runId);
    const pending = pendingEvents(session);
    const closed = closeCalls(session, pending, openCalls, results);
    const [first] = closed;
    if (!first) return { events: [] };
    const questions = questionsOf(closed, openCalls);
    const inbox = await closeQuestions(tx, session, pending, questions, 'withdrawn');
    run.active_ms += Math.max(0, toolTimeMs(results, closed) - (await longestCallMs(tx, key, first)));
    const toolCalls = [...closed, ...questions];
    return { events: await appendEvents(tx, session, pending, { runs: [run], toolCalls, inbox }) };
  });
}

/** The working time already counted for a step: its calls run in parallel, so it is the longest of those that have ended. */
async function longestCallMs(tx: Tx, key: SessionKey, { run_id, step }: ToolCallRow): Promise<number> {
  const [found] = await tx.query<{ ms: number }>(
    `SELECT coalesce(max(extract(epoch FROM ended_at - started_at)), 0)::float8 * 1000 AS ms FROM perdure.tool_calls
      WHERE user_id = $1 AND session_id = $2 AND run_id = $3 AND step = $4`,
    [key.user, key.session, run_id, step],
  );
  return found?.ms ?? 0;
}

/** The working time of calls that ran in parallel: the longest of them. */
export function toolTimeMs(results: readonly ToolResult[], closed: readonly ToolCallRow[]): number {
  const ids = new Set(closed.map(({ call_id }) => call_id));
  const times = results
    .filter(({ callId }) => ids.has(callId))
    .map(({ workedMs, durationMs }) => workedMs ?? durationMs);
  return Math.max(0, ...times);
}

/** Records results of open calls and returns the calls that were closed. */
export function closeCalls(
  session: LockedSession,
  pending: PendingEvents,
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
    closeCall(pending, call, outcome, session.at, durationMs);
    closed.push(call);
  }
  if (closed.length > 0) touch(session);
  return closed;
}
