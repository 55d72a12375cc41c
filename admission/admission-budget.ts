import type { AgentVersion } from '../contracts/agent.ts';
import { resolveBudgets, type ResolvedBudgets } from '../core/money/budget.ts';
import { resolvePolicy } from '../core/policy.ts';
import { withOutputLimit, worstCaseOf } from '../models/bound-request.ts';
import { composeContext, requestOf } from '../models/model-context.ts';
import type { AdmissionBudget, IncomingMessage } from '../store/admission/admission-request.ts';
import type { AdmissionDeps } from './admission-deps.ts';

type BudgetDeps = Pick<AdmissionDeps, 'agents' | 'deployment' | 'defaultModel' | 'prices'>;

/** The budgets that messages are checked against: those of the deployment and of the agents' policies. */
export function admissionBudget(deps: BudgetDeps): AdmissionBudget {
  const { agents, deployment, defaultModel } = deps;
  const budgets = resolveBudgets(deployment.budgets);
  return {
    budgets,
    budgetOf: (name, session) => resolvePolicy(deployment.policy, agents.agent(name)?.spec.policy, session).budget,
    leastOf: (name, message) => {
      const agent = agents.agent(name);
      const model = agent?.spec.model ?? defaultModel;
      if (!agent || model === null) return null;
      return { model, ...minimumReservation(deps, budgets, agent, { model, ...message }) };
    },
  };
}

/** The worst case of the first call for a message in an empty session: no call for the message reserves less. */
function minimumReservation(
  deps: BudgetDeps,
  budgets: ResolvedBudgets,
  agent: AgentVersion,
  { model, content, parts, output }: { readonly model: string } & Pick<IncomingMessage, 'content' | 'parts' | 'output'>,
): { readonly nanos: number | null; readonly tokens: number } {
  const message = { role: 'user', runId: '', messageId: '', content, ...(parts ? { parts: [...parts] } : {}) } as const;
  const schema = output?.schema ?? null;
  const context = composeContext(agent, { step: 1, recovered: null, model, schema, entries: [message] });
  return worstCaseOf(deps, budgets, model, withOutputLimit(requestOf(context, model), budgets));
}
