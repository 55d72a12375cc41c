import type { BudgetFacts, RunBudget } from '../../contracts/budget.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { exceeded, factsOf, limitsOf, hasPeriodLimit, type ResolvedBudgets } from '../../core/money/budget.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import type { Db } from '../db/db.ts';
import { loadRun } from './load-run.ts';
import { lockExistingSession } from '../log/lock-session.ts';
import {
  notMade,
  settleModelCall,
  type CallCost,
  type CallEstimate,
  type ModelCallEnd,
} from '../budgets/model-call.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import { lockUserLimits, readUserLimits } from '../budgets/user-budgets.ts';

export interface Reservation {
  readonly runId: string;
  readonly step: number;
  readonly attempt: number;
  /** The most that the call can use; `nanos` is null when its price is unknown. */
  readonly worst: { readonly nanos: number | null; readonly tokens: number };
  /** What the call is charged if it ends without a report, with the source of its price. Default: none. */
  readonly estimate?: CallEstimate & Pick<CallCost, 'priceSource' | 'priceDate'>;
  /** What earlier calls of the attempt have used, which a refusal records. Default: nothing. */
  readonly spent?: Pick<ModelCallEnd, 'usage' | 'cost' | 'estimate'>;
  readonly budgets: ResolvedBudgets;
  /** Limits of the session and the run, from the policy. */
  readonly budget: RunBudget;
}

export type ReservedCall =
  | { readonly kind: 'reserved' }
  | { readonly kind: 'refused'; readonly facts: BudgetFacts }
  /** The run has ended, or a later attempt was claimed. Nothing was reserved. */
  | { readonly kind: 'stale' };

/**
 * Reserves the worst case of a claimed model call in every limited budget, or in none of them. The amount stays
 * reserved until the call is settled, which is at its end at the latest. The user's row serialises the reservations of one user. Throws `not_found`.
 */
export async function reserveCall(db: Db, key: SessionKey, reservation: Reservation): Promise<ReservedCall> {
  const { runId, step, attempt, worst, estimate, spent, budgets, budget } = reservation;
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const { run, modelCall } = await loadRun(tx, key, runId);
    const current = modelCall?.step === step && modelCall.attempt === attempt && modelCall.outcome === 'running';
    if (!current || run.status !== 'running') return { kind: 'stale' };
    let limits = limitsOf(budgets, await readUserLimits(tx, key.user));
    if (hasPeriodLimit(limits)) limits = limitsOf(budgets, await lockUserLimits(tx, key.user));
    const accounts = await readAccounts(tx, key, { day: modelCall.day, limits, budget, runId });
    const full = exceeded(accounts, worst);
    if (full) {
      const end = notMade('failed', 'budget_exceeded');
      const refused = settleModelCall(session, run, modelCall, spent ? { ...end, ...spent, made: true } : end);
      await appendEvents(tx, session, pendingEvents(session), refused);
      return { kind: 'refused', facts: factsOf(full) };
    }
    modelCall.reserved_nanos = worst.nanos;
    modelCall.reserved_tokens = worst.tokens;
    modelCall.held_nanos = worst.nanos ?? 0;
    modelCall.held_tokens = worst.tokens;
    modelCall.estimated_input_tokens = estimate?.inputTokens ?? null;
    modelCall.estimated_output_tokens = estimate?.outputTokens ?? null;
    modelCall.estimated_nanos = estimate?.nanos ?? null;
    modelCall.price_source = estimate?.priceSource ?? null;
    modelCall.price_date = estimate?.priceDate ?? null;
    await appendEvents(tx, session, pendingEvents(session), { modelCalls: [modelCall] });
    return { kind: 'reserved' };
  });
}
