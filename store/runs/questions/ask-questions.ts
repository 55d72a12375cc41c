import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { Json } from '../../../contracts/json.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { idempotencyKey } from '../../../core/tools/idempotency-key.ts';
import type { Db } from '../../db/db.ts';
import { requestItem, type WaitingCall } from '../../items/request-item.ts';
import { appendEvents } from '../../log/append-events.ts';
import { lockExistingSession } from '../../log/lock-session.ts';
import { pendingEvents } from '../../log/pending-events.ts';
import type { ToolCallRow } from '../../log/rows.ts';
import { programCallId } from '../../../core/programs/program-call-id.ts';
import { loadRun } from '../load-run.ts';

export interface AskQuestions {
  readonly runId: string;
  /** The call in which the server asks. */
  readonly callId: string;
  readonly questions: readonly NewQuestion[];
  /** The tool that asks the user. */
  readonly tool: string;
  /** The call has ended on the server, and waits as its questions do. Otherwise it goes on being executed. */
  readonly suspends: boolean;
  /** Whether the session's queued runs wait behind the run. */
  readonly holdsQueue: boolean;
}

export interface NewQuestion {
  /** From 1, counting the questions of the call. */
  readonly index: number;
  readonly arguments: Json;
  readonly waits: WaitingCall;
}

/**
 * Records questions that a server asks in the middle of a call, each as a call of its own below it that waits for an answer. An attempt that is
 * suspended does not count. Returns null if the call is no longer executed. Throws `not_found`.
 */
export async function askQuestions(
  db: Db,
  key: SessionKey,
  { runId, callId, questions, tool, suspends, holdsQueue }: AskQuestions,
): Promise<{ readonly events: PerdureEvent[] } | null> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run, openCalls } = await loadRun(tx, key, runId);
    const own = openCalls.find(({ call_id: id, status }) => id === callId && status === 'running');
    if (!own) return null;
    const pending = pendingEvents(session);
    const asked = questions.map(({ index, arguments: args, waits }) => {
      const call = questionCall(own, tool, { index, arguments: args }, key);
      const of = { runId, step: own.step, callId: call.call_id, tool, program: callId };
      pending.add({ type: 'tool.called', ...of, arguments: args }, `call:${runId}:${call.call_id}`);
      return { call, item: requestItem(session, pending, run.agent, call, waits) };
    });
    run.holds_queue = holdsQueue;
    if (suspends) {
      own.status = 'waiting';
      own.attempts -= 1;
    }
    const events = await appendEvents(tx, session, pending, {
      runs: [run],
      ...(suspends ? { toolCalls: [own] } : {}),
      newCalls: asked.map(({ call }) => call),
      inbox: asked.map(({ item }) => item),
    });
    return { events };
  });
}

function questionCall(
  { run_id: runId, call_id: program, step }: ToolCallRow,
  tool: string,
  { index, arguments: args }: Pick<NewQuestion, 'index' | 'arguments'>,
  key: SessionKey,
): ToolCallRow {
  const callId = programCallId(program, index);
  return {
    run_id: runId,
    call_id: callId,
    step,
    position: index,
    tool,
    program,
    status: 'waiting',
    idempotent: true,
    idempotency_key: idempotencyKey(key, runId, callId),
    arguments: args,
    result: null,
    error: null,
    attempts: 0,
    started_at: null,
    ended_at: null,
  };
}
