import { PerdureError } from '../../contracts/errors.ts';
import type { SessionSnapshot } from '../../contracts/session/session.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { readSnapshot } from '../../store/read/read-snapshot.ts';
import { activeChildren } from './active-children.ts';
import type { GatewayParts } from './gateway-parts.ts';

/** A session of the user as its snapshot; throws `not_found`. */
export async function snapshotOf(
  { db, agents, deployment, sender }: Pick<GatewayParts, 'db' | 'agents' | 'deployment' | 'sender'>,
  key: SessionKey,
): Promise<SessionSnapshot> {
  const found = await readSnapshot(db, key, (agent, policy) =>
    resolvePolicy(deployment.policy, agents.agent(agent)?.spec.policy, policy),
  );
  if (found !== null) {
    const { recordedChildren, ...snapshot } = found;
    return { ...snapshot, children: await activeChildren({ db, sender }, key, recordedChildren) };
  }
  throw new PerdureError(
    'not_found',
    `There is no session ${JSON.stringify(key.session)} of yours. Create it, or send it a message.`,
  );
}

/** Paths resolve these two, even percent-encoded. */
export function checkAddressable(id: string): void {
  if (id !== '.' && id !== '..') return;
  throw new PerdureError(
    'invalid_request',
    `The session id ${JSON.stringify(id)} cannot stand in a path. Use another.`,
  );
}
