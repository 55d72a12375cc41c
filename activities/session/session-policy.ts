import type { Policy } from '../../contracts/agent.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Returns a function that resolves the policy in force for a session: of the deployment, of its agent, and its own. */
export function sessionPolicy({ agents, deployment }: Pick<ActivityDeps, 'agents' | 'deployment'>) {
  return (agent: string, policy: Policy): ResolvedPolicy =>
    resolvePolicy(deployment.policy, agents.agent(agent)?.spec.policy, policy);
}
