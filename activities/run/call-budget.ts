import type { AgentVersion } from '../../contracts/agent.ts';
import type { UserLimits } from '../../contracts/budget.ts';
import type { Usage } from '../../contracts/session/run.ts';
import { needsReservation, limitsOf, resolveBudgets, type ResolvedBudgets } from '../../core/money/budget.ts';
import type { ResolvedPolicy } from '../../core/policy.ts';
import { costNanos, worstCostNanos } from '../../core/money/price.ts';
import type { ModelRequest } from '../../models/model-client.ts';
import { worstCase } from '../../models/worst-case.ts';
import type { CallCost } from '../../store/budgets/model-call.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { modelRequest } from './model-request.ts';

/** The deployment's budgets, with defaults applied. */
export function budgetsOf({ deployment }: Pick<ActivityDeps, 'deployment'>): ResolvedBudgets {
  return resolveBudgets(deployment.budgets);
}

/** Whether a budget applies to calls of this user under this policy. */
export function hasBudget(budgets: ResolvedBudgets, own: UserLimits | null, policy: ResolvedPolicy): boolean {
  return needsReservation(limitsOf(budgets, own), policy.budget);
}

/** The request with a limit on its output, so that its worst case is finite. */
export function withOutputLimit(request: ModelRequest, { maxOutputTokens }: ResolvedBudgets) {
  return { ...request, maxOutputTokens: request.maxOutputTokens ?? maxOutputTokens };
}

/** The worst case of a request to `model` (`provider/model`). `nanos` is null when its price is unknown and `unpriced` is not `allow`. */
export function worstCaseOf(
  { prices }: Pick<ActivityDeps, 'prices'>,
  { unpriced }: ResolvedBudgets,
  model: string,
  request: ReturnType<typeof withOutputLimit>,
): { readonly nanos: number | null; readonly tokens: number } {
  const price = prices.priceOf(model, new Date().toISOString());
  const worst = worstCase(request, price);
  const nanos = worstCostNanos(price, worst) ?? (unpriced === 'allow' ? 0 : null);
  return { nanos, tokens: worst.inputTokens + worst.outputTokens };
}

/** The worst case of the first call for a message in an empty session: no call for the message reserves less. */
export function minimumReservation(
  deps: Pick<ActivityDeps, 'prices' | 'models' | 'deployment'>,
  agent: AgentVersion,
  content: string,
): { readonly nanos: number | null; readonly tokens: number } {
  const model = agent.spec.model ?? deps.models.defaultModel;
  const budgets = budgetsOf(deps);
  const message = { role: 'user', runId: '', messageId: '', content } as const;
  const request = modelRequest(agent, model, { step: 1, recovered: null }, [message]);
  return worstCaseOf(deps, budgets, model, withOutputLimit(request, budgets));
}

/** The cost of a call to `model` (`provider/model`). */
export function callCost({ prices }: Pick<ActivityDeps, 'prices'>, model: string, usage: Usage | null): CallCost {
  const price = prices.priceOf(model, new Date().toISOString());
  return { nanos: costNanos(price, usage), priceSource: price?.source ?? null, priceDate: price?.date ?? null };
}

/** The usage of a call that the provider did not process. */
export const NOTHING_USED: Usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
