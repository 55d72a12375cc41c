import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { DecidedMessage, InputDecision } from '../../contracts/session/input-decision.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { appendEvents } from '../log/append-events.ts';
import type { Db } from '../db/db.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { loadRun } from '../runs/load-run.ts';

export interface RecordInput {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  /** Not empty; none of them was decided before. */
  readonly messages: readonly DecidedMessage[];
  readonly decision: InputDecision;
  readonly changedBy: readonly string[];
}

/**
 * Records what input middleware has decided on messages of a run. Returns null, and records nothing, if the run has ended or a
 * later attempt was claimed: that one decides. Throws `not_found`.
 */
export async function recordInput(db: Db, key: SessionKey, input: RecordInput): Promise<PerdureEvent[] | null> {
  const { runId, step, attempt, messages, decision, changedBy } = input;
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run, modelCall } = await loadRun(tx, key, runId);
    const isCurrent = modelCall?.step === step && modelCall.attempt === attempt && modelCall.outcome === 'running';
    if (!isCurrent || run.status !== 'running') return null;
    const pending = pendingEvents(session);
    const changed = changedBy.length > 0 ? { changedBy: [...changedBy] } : {};
    pending.add(
      { type: 'input.decided', runId, step, messages: [...messages], decision, ...changed },
      `input:${runId}:${messages[0]?.messageId}`,
    );
    return await appendEvents(tx, session, pending);
  });
}
