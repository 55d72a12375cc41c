import type { SessionKey } from '../contracts/session-key.ts';
import { appendEvents, newEvents } from './append-events.ts';
import type { Db } from './db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from './lock-session.ts';

/** Adds the time of a model call that failed to its run's working time, which `runTimeoutMs` bounds. Throws `not_found`. */
export async function countFailedCall(
  db: Db,
  key: SessionKey,
  { runId, durationMs }: { readonly runId: string; readonly durationMs: number },
): Promise<void> {
  await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run } = await loadRun(tx, key, runId);
    run.active_ms += durationMs;
    await appendEvents(tx, session, newEvents(session), { runs: [run] });
  });
}
