import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { Db } from '../../db/db.ts';
import { appendEvents } from '../../log/append-events.ts';
import { lockExistingSession } from '../../log/lock-session.ts';
import { pendingEvents } from '../../log/pending-events.ts';
import { closeQuestions, type QuestionEnd } from './close-questions.ts';
import { loadRun } from '../load-run.ts';

/** Ends a question over an open call without an answer, unless it has ended. Throws `not_found`. */
export async function endQuestion(
  db: Db,
  key: SessionKey,
  { runId, callId, end }: { readonly runId: string; readonly callId: string; readonly end: QuestionEnd },
): Promise<PerdureEvent[]> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { openCalls } = await loadRun(tx, key, runId);
    const call = openCalls.find(({ call_id: id, status }) => id === callId && status === 'waiting');
    if (!call) return [];
    const pending = pendingEvents(session);
    const inbox = await closeQuestions(tx, session, pending, [call], end);
    return await appendEvents(tx, session, pending, { toolCalls: [call], inbox });
  });
}
