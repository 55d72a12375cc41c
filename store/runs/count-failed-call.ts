import type { Usage } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { NO_CALL_ROWS, settleModelCall, type CallCost } from '../budgets/model-call.ts';

export interface FailedCall {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  readonly errorCode: string;
  /** Null when the provider may have processed tokens without reporting them. */
  readonly usage: Usage | null;
  readonly cost: CallCost;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

/** Records a failed model call and adds its duration to the run's working time, which `runTimeoutMs` bounds. Throws `not_found`. */
export async function countFailedCall(db: Db, key: SessionKey, failed: FailedCall): Promise<void> {
  await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run, modelCall } = await loadRun(tx, key, failed.runId);
    run.active_ms += failed.durationMs;
    const current = modelCall?.step === failed.step && modelCall.attempt === failed.attempt;
    const open = current && modelCall.outcome === 'running';
    const calls = open ? settleModelCall(session, run, modelCall, { outcome: 'failed', ...failed }) : NO_CALL_ROWS;
    await appendEvents(tx, session, pendingEvents(session), { runs: [run], ...calls });
  });
}
