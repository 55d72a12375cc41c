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

/** The deployment's budgets with nothing left open. */
export function budgetsOf({ deployment }: Pick<ActivityDeps, 'deployment'>): ResolvedBudgets {
  return resolveBudgets(deployment.budgets);
}

/** Whether anything limits what a call of this user under this policy may use. */
export function isHeld(budgets: ResolvedBudgets, own: UserLimits | null, policy: ResolvedPolicy): boolean {
  return needsReservation(limitsOf(budgets, own), policy.budget);
}

/** A request whose answer has an end, so that its worst case has one. */
export function bounded(request: ModelRequest, { maxOutputTokens }: ResolvedBudgets) {
  return { ...request, maxOutputTokens: request.maxOutputTokens ?? maxOutputTokens };
}

/** What a request to `model` (`provider/model`) takes at most. `nanos` is null where no price is known and that is not allowed. */
export function worstOf(
  { prices }: Pick<ActivityDeps, 'prices'>,
  { unpriced }: ResolvedBudgets,
  model: string,
  request: ReturnType<typeof bounded>,
): { readonly nanos: number | null; readonly tokens: number } {
  const price = prices.priceOf(model, new Date().toISOString());
  const worst = worstCase(request, price);
  const nanos = worstCostNanos(price, worst) ?? (unpriced === 'allow' ? 0 : null);
  return { nanos, tokens: worst.inputTokens + worst.outputTokens };
}

/** What the first call for a message takes at least, if there is nothing before it. */
export function leastOf(
  deps: Pick<ActivityDeps, 'prices' | 'models' | 'deployment'>,
  agent: AgentVersion,
  content: string,
): { readonly nanos: number | null; readonly tokens: number } {
  const model = agent.spec.model ?? deps.models.defaultModel;
  const budgets = budgetsOf(deps);
  const message = { role: 'user', runId: '', messageId: '', content } as const;
  return worstOf(
    deps,
    budgets,
    model,
    bounded(modelRequest(agent, model, { step: 1, recovered: null }, [message]), budgets),
  );
}

/** What a call to `model` cost. */
export function costOf({ prices }: Pick<ActivityDeps, 'prices'>, model: string, usage: Usage | null): CallCost {
  const price = prices.priceOf(model, new Date().toISOString());
  return { nanos: costNanos(price, usage), priceSource: price?.source ?? null, priceDate: price?.date ?? null };
}

/** Of a call that used nothing. */
export const NOTHING_USED: Usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, reasoningTokens: 0 };
