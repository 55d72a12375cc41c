import { ApplicationFailure } from '@temporalio/activity';
import { refusalText } from '../../core/money/budget.ts';
import { usdOf } from '../../core/money/price.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import type { ModelRequest } from '../../models/model-client.ts';
import { reserveCall } from '../../store/runs/reserve-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { budgetsOf, hasBudget, withOutputLimit, worstCaseOf } from './call-budget.ts';
import type { StepTask } from './step-task.ts';

/**
 * Reserves the worst case of a call where a budget applies. Returns the request to send, with its output limited; null when
 * another attempt has the step. Throws `budget_exceeded`, which ends the run.
 */
export async function reserveBudget(
  deps: ActivityDeps,
  { key, runId, position }: Pick<StepTask, 'key' | 'runId' | 'position'>,
  policy: ResolvedPolicy,
  request: ModelRequest,
): Promise<ModelRequest | null> {
  const budgets = budgetsOf(deps);
  if (!hasBudget(budgets, position.ownLimits, policy)) return request;
  const { step, attempt, model } = position;
  const limited = withOutputLimit(request, budgets);
  const worst = worstCaseOf(deps, budgets, model, limited);
  const { budget } = policy;
  const reservation = await reserveCall(deps.db, key, { runId, step, attempt, worst, budgets, budget });
  if (reservation.kind === 'stale') return null;
  if (reservation.kind === 'reserved') return limited;
  const { facts } = reservation;
  throw ApplicationFailure.create({
    type: 'budget_exceeded',
    message: refusalText(facts, facts.unit === 'usd' ? usdOf(worst.nanos) : worst.tokens, model),
    nonRetryable: true,
    // Not a fault of the worker: reported to the user, not logged as a warning.
    category: 'BENIGN',
    details: [{ budget: facts }],
  });
}
