import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { ContextSummary } from '../../core/conversation/summary.ts';
import type { Db } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { NO_CALL_ROWS } from '../budgets/model-call.ts';
import { settleCallBesideSteps, type CallBesideStepsEnd } from '../runs/call-beside-steps.ts';
import { latestSummarySeq } from './latest-summary.ts';

export interface CommitSummary extends CallBesideStepsEnd {
  /** Null for a call that made none. */
  readonly summary: Omit<ContextSummary, 'type' | 'seq' | 'at' | 'sessionId'> | null;
}

/**
 * Settles the model call for a summary, and appends the summary unless there is another one since, or the session is not active
 * any more: no two summaries stand for the same messages. Throws `not_found`.
 */
export async function commitSummary(
  db: Db,
  key: SessionKey,
  { summary, ...ended }: CommitSummary,
): Promise<PerdureEvent[]> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const pending = pendingEvents(session);
    const { run, calls } = await settleCallBesideSteps(tx, session, pending, ended);
    const isNext = session.row.status === 'active' && summary?.since === (await latestSummarySeq(tx, key));
    if (summary && isNext) pending.add({ type: 'context.summarized', ...summary }, `summary:${summary.since}`);
    if (calls === NO_CALL_ROWS && pending.drafts.length === 0) return [];
    return await appendEvents(tx, session, pending, { runs: [run], ...calls });
  });
}
