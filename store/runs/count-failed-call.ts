import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import type { ModelCallEnd } from '../budgets/model-call.ts';
import { reportCall, type Attempt } from './report-call.ts';

/** A model call without a committed reply. `usage` is null when the provider may have processed tokens without reporting them. */
export interface FailedCall extends Attempt, Omit<ModelCallEnd, 'outcome'> {
  readonly runId: string;
  /** Default `failed`. */
  readonly outcome?: ModelCallEnd['outcome'];
}

/**
 * Records a model call without a committed reply, and adds its duration to the run's working time, which `runTimeoutMs`
 * bounds, unless the worker left the call. Returns false if the call's end was recorded before. Throws `not_found`.
 */
export async function countFailedCall(
  db: Db,
  key: SessionKey,
  { runId, step, attempt, outcome = 'failed', ...end }: FailedCall,
): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const loaded = await loadRun(tx, key, runId);
    const calls = await reportCall(tx, session, loaded, { step, attempt }, { outcome, ...end });
    if (calls.modelCalls.length === 0) return false;
    if (outcome !== 'lost') loaded.run.active_ms += end.durationMs ?? 0;
    await appendEvents(tx, session, pendingEvents(session), { runs: [loaded.run], ...calls });
    return true;
  });
}
