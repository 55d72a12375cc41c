import { ApplicationFailure } from '@temporalio/activity';
import { refusalText } from '../../core/money/budget.ts';
import { usdOf } from '../../core/money/price.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import type { ModelRequest } from '../../models/model-client.ts';
import type { CallEstimate } from '../../store/budgets/model-call.ts';
import { reserveCall, type Reservation } from '../../store/runs/reserve-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { withOutputLimit, worstCaseOf } from '../../models/bound-request.ts';
import { budgetsOf, callCost, hasBudget } from './call-budget.ts';
import type { CallSpending } from './call-spending.ts';
import { estimateCall } from './estimate-call.ts';
import type { StepTask } from './step-task.ts';

/** A request for which a budget may have to be reserved. */
export interface RequestToReserve {
  readonly request: ModelRequest;
  /** Estimated. */
  readonly inputTokens: number;
  /** `provider/model`. Default: the model of the step. */
  readonly model?: string;
  /** What earlier calls of the same attempt have used. Default: nothing. */
  readonly spent?: CallSpending;
  /** The request that may be sent instead; undefined for none. */
  readonly whole?: (() => ModelRequest) | undefined;
}

/**
 * Reserves the worst case of a call where a budget applies. Returns the request to send, with its output limited; null when
 * another attempt has the step. Throws `budget_exceeded`, which ends the run.
 */
export async function reserveBudget(
  deps: ActivityDeps,
  { key, runId, position }: Pick<StepTask, 'key' | 'runId' | 'position'>,
  policy: ResolvedPolicy,
  { request, inputTokens, model = position.model, spent, whole }: RequestToReserve,
): Promise<ModelRequest | null> {
  const budgets = budgetsOf(deps);
  if (!hasBudget(budgets, position.ownLimits, policy)) return request;
  const { step, attempt } = position;
  const limited = withOutputLimit(request, budgets);
  const requests = [limited, ...(whole ? [withOutputLimit(whole(), budgets)] : [])];
  const [most] = requests
    .map((one) => worstCaseOf(deps, budgets, model, one))
    .toSorted((a, b) => b.tokens - a.tokens) as [ReturnType<typeof worstCaseOf>];
  const worst = withSpent(most, spent);
  const { budget } = policy;
  const price = callCost(deps, model, null);
  const estimate = {
    ...price,
    ...addEstimates(estimateCall(deps, model, inputTokens, { text: '', reasoning: '' }), spent),
  };
  const reserved = { runId, step, attempt, worst, estimate, budgets, budget, ...(spent ? { spent } : {}) };
  const reservation = await reserveCall(deps.db, key, reserved);
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

/** The worst case of a call with what its attempt has used before it. */
function withSpent({ nanos, tokens }: Reservation['worst'], spent: CallSpending | undefined): Reservation['worst'] {
  if (!spent) return { nanos, tokens };
  const used = spent.charged;
  return {
    nanos: nanos === null ? null : nanos + (used.nanos ?? 0),
    tokens: tokens + used.inputTokens + used.outputTokens,
  };
}

function addEstimates(estimate: CallEstimate, spent: CallSpending | undefined): CallEstimate {
  if (!spent) return estimate;
  const { inputTokens, outputTokens, nanos } = spent.charged;
  return {
    inputTokens: estimate.inputTokens + inputTokens,
    outputTokens: estimate.outputTokens + outputTokens,
    nanos: estimate.nanos === null || nanos === null ? null : estimate.nanos + nanos,
  };
}
