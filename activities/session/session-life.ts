import type { Policy } from '../../contracts/agent.ts';
import { expiryOf } from '../../core/session/expiry.ts';
import { resolvePolicy, type ResolvedPolicy } from '../../core/policy.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { expireSession as expireInStore, type SessionLife } from '../../store/sessions/expire-session.ts';
import type { ExpireOutput } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** The policy in force for a session of an agent as this worker has it. */
export function policyOf({ agents, deployment }: Pick<ActivityDeps, 'agents' | 'deployment'>) {
  return (agent: string, policy: Policy): ResolvedPolicy =>
    resolvePolicy(deployment.policy, agents.agent(agent)?.spec.policy, policy);
}

/** How long a session has to live if nothing happens in it. At least 1. */
export function dueInMs(deps: Pick<ActivityDeps, 'agents' | 'deployment'>, life: SessionLife): number {
  const { atMs } = expiryOf(life, policyOf(deps)(life.agent, life.policy));
  return Math.max(1, Math.ceil(atMs - Date.parse(life.at)));
}

/** Expires the session if its time is over, in the store's word. */
export async function expireSession(deps: ActivityDeps): Promise<ExpireOutput> {
  const { key } = callingSession();
  const { session, dueInMs: due, events } = await expireInStore(deps.db, key, policyOf(deps));
  publishAppended(deps, key, events);
  return { session, dueInMs: due };
}
