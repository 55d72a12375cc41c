import type { Policy } from '../../contracts/agent.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionSnapshot } from '../../contracts/session/session.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { readSnapshot } from '../../store/read/read-snapshot.ts';
import { runningChildren } from './running-children.ts';
import type { GatewayDeps } from './gateway-deps.ts';
import { absentSession } from './pending-messages.ts';

/** The snapshot of a session. Throws `not_found`. */
export async function snapshotOf(
  { db, agents, deployment, sender, pauses }: Pick<GatewayDeps, 'db' | 'agents' | 'deployment' | 'sender' | 'pauses'>,
  key: SessionKey,
): Promise<SessionSnapshot> {
  const lifetimeOf = (agent: string, policy: Policy) =>
    resolvePolicy(deployment.policy, agents.agent(agent)?.spec.policy, policy);
  const found = await readSnapshot(db, key, lifetimeOf, pauses.current);
  if (found === null) throw await absentSession({ db, sender }, key);
  const { recordedChildren, ...snapshot } = found;
  return { ...snapshot, children: await runningChildren({ db, sender }, key, recordedChildren) };
}

/** Rejects `.` and `..`: URL parsers resolve them, even percent-encoded. */
export function checkAddressable(id: string): void {
  if (id !== '.' && id !== '..') return;
  throw new PerdureError(
    'invalid_request',
    `The session id ${JSON.stringify(id)} cannot be part of a URL path. Use another.`,
  );
}
