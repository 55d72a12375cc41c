import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { loadCall } from './load-call.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';

/** Returns a claimed tool call to `pending` after an attempt that is known to have failed, and adds `workedMs` to the run's working time. Leaves a call that has a result unchanged. Throws `not_found`. */
export async function releaseTool(
  db: Db,
  key: SessionKey,
  { runId, callId, workedMs }: { readonly runId: string; readonly callId: string; readonly workedMs: number },
): Promise<void> {
  await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const call = await loadCall(tx, key, runId, callId);
    if (call.status !== 'running') return;
    call.status = 'pending';
    const { run } = await loadRun(tx, key, runId);
    run.active_ms += workedMs;
    await appendEvents(tx, session, pendingEvents(session), { runs: [run], toolCalls: [call] });
  });
}
