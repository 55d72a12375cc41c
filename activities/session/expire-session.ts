import { expiryOf } from '../../core/session/expiry.ts';
import { publishAppended } from '../../live/publish-appended.ts';
import { expireIfDue, type ExpiryFacts } from '../../store/sessions/expire-if-due.ts';
import type { ExpireOutput } from '../shared/contract.ts';
import { callingSession } from '../shared/calling-session.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import { sessionPolicy } from './session-policy.ts';

/** Milliseconds until the session expires if nothing happens in it. At least 1. */
export function dueInMs(deps: Pick<ActivityDeps, 'agents' | 'deployment'>, facts: ExpiryFacts): number {
  const { atMs } = expiryOf(facts, sessionPolicy(deps)(facts.agent, facts.policy));
  return Math.max(1, Math.ceil(atMs - Date.parse(facts.at)));
}

/** Expires the calling session if it is due and has no open run. The store decides, by its own clock. */
export async function expireSession(deps: ActivityDeps): Promise<ExpireOutput> {
  const { key } = callingSession();
  const { session, dueInMs: due, events } = await expireIfDue(deps.db, key, sessionPolicy(deps));
  publishAppended(deps, key, events);
  return { session, dueInMs: due };
}
