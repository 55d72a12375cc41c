import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { loadCall } from './load-call.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';

export interface ReleaseTool {
  readonly runId: string;
  readonly callId: string;
  /** Added to the run's working time. */
  readonly workedMs: number;
  /** An attempt that its worker gave up before it ended. It is not counted, and a call that was claimed again since is left unchanged. Default: the attempt has failed, and counts. */
  readonly abandoned?: number;
}

/** Returns a claimed tool call to `pending`. Leaves a call that has a result unchanged. Throws `not_found`. */
export async function releaseTool(
  db: Db,
  key: SessionKey,
  { runId, callId, workedMs, abandoned }: ReleaseTool,
): Promise<void> {
  await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const call = await loadCall(tx, key, runId, callId);
    if (call.status !== 'running' || (abandoned !== undefined && abandoned !== call.attempts)) return;
    call.status = 'pending';
    if (abandoned !== undefined) call.attempts -= 1;
    const { run } = await loadRun(tx, key, runId);
    run.active_ms += workedMs;
    await appendEvents(tx, session, pendingEvents(session), { runs: [run], toolCalls: [call] });
  });
}
