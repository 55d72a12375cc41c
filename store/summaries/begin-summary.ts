import type { BudgetFacts } from '../../contracts/budget.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db } from '../db/db.ts';
import { beginCallBesideSteps, type CallBesideSteps } from '../runs/call-beside-steps.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import type { ModelCallRow } from '../log/rows.ts';
import { latestSummarySeq } from './latest-summary.ts';

export interface BeginSummary extends Omit<CallBesideSteps, 'kind'> {
  /** `seq` of the summary that this one is to follow on from; 0 for the first one. */
  readonly since: number;
}

export type BegunSummary =
  | { readonly kind: 'begun'; readonly call: ModelCallRow }
  | { readonly kind: 'refused'; readonly facts: BudgetFacts }
  /** There is another summary since, or the session is not active any more. */
  | { readonly kind: 'stale' };

/**
 * Records the model call for a summary, and reserves its worst case where a budget applies, in one transaction. Calls for
 * summaries that were never reported are settled as lost. Throws `not_found`.
 */
export async function beginSummary(db: Db, key: SessionKey, { since, ...input }: BeginSummary): Promise<BegunSummary> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    if (session.row.status !== 'active' || (await latestSummarySeq(tx, key)) !== since) return { kind: 'stale' };
    return await beginCallBesideSteps(tx, session, { ...input, kind: 'summary' });
  });
}
