import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { loadRun } from '../runs/load-run.ts';

/** A program whose calls in progress all wait for somebody. */
export interface SuspendProgram {
  readonly runId: string;
  /** The `callId` of the program. */
  readonly program: string;
  /** The `callId` of each call that it waits for. */
  readonly waitsFor: readonly string[];
}

/**
 * Suspends a program until one of its calls is answered: its own call waits, too. If one has been answered meanwhile, the program is to be
 * executed again at once. Its attempt does not count. Throws `not_found`.
 */
export async function suspendProgram(
  db: Db,
  key: SessionKey,
  { runId, program, waitsFor }: SuspendProgram,
): Promise<void> {
  await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { openCalls } = await loadRun(tx, key, runId);
    const own = openCalls.find(({ call_id: id, status }) => id === program && status === 'running');
    if (!own) return;
    const waiting = new Set(openCalls.flatMap(({ call_id: id, status }) => (status === 'waiting' ? [id] : [])));
    own.status = waitsFor.every((id) => waiting.has(id)) ? 'waiting' : 'pending';
    own.attempts -= 1;
    await appendEvents(tx, session, pendingEvents(session), { toolCalls: [own] });
  });
}
