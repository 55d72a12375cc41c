import { ApplicationFailure } from '@temporalio/activity';
import { refusalText } from '../../core/money/budget.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { usdOf } from '../../core/money/price.ts';
import type { ModelRequest } from '../../models/model-client.ts';
import { reserveCall } from '../../store/runs/reserve-call.ts';
import { bounded, budgetsOf, isHeld, worstOf } from './budget-terms.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { StepTask } from './step-task.ts';

/**
 * The request as it may be made: where a budget is in force, its worst case is set aside first, and its answer is
 * bounded. Null when another attempt has the step. Throws the failure that ends the run when a budget does not hold it.
 */
export async function reserved(
  deps: ActivityDeps,
  { key, runId, position }: Pick<StepTask, 'key' | 'runId' | 'position'>,
  policy: ResolvedPolicy,
  request: ModelRequest,
): Promise<ModelRequest | null> {
  const budgets = budgetsOf(deps);
  if (!isHeld(budgets, position.ownLimits, policy)) return request;
  const { step, attempt, model } = position;
  const limited = bounded(request, budgets);
  const worst = worstOf(deps, budgets, model, limited);
  const { budget } = policy;
  const reservation = await reserveCall(deps.db, key, { runId, step, attempt, worst, budgets, budget });
  if (reservation.kind === 'stale') return null;
  if (reservation.kind === 'reserved') return limited;
  const { facts } = reservation;
  throw ApplicationFailure.create({
    type: 'budget_exceeded',
    message: refusalText(facts, facts.unit === 'usd' ? usdOf(worst.nanos) : worst.tokens, model),
    nonRetryable: true,
    // No fault of the worker's: the run tells its user.
    category: 'BENIGN',
    details: [{ budget: facts }],
  });
}
