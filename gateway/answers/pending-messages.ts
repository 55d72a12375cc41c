import type { PendingMessages } from '../../client/temporal/pending-messages.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionWhy } from '../../contracts/why.ts';
import { explainPendingSession } from '../../core/why/explain-pending-session.ts';
import { noSuchSession } from '../../store/log/lock-session.ts';
import { countWorkers } from './count-workers.ts';
import type { GatewayDeps } from './gateway-deps.ts';

type PendingDeps = Pick<GatewayDeps, 'db' | 'sender'>;

/** The messages of a session that were accepted and that no worker has processed; null when Temporal does not respond. */
export async function pendingMessages({ sender }: PendingDeps, key: SessionKey): Promise<PendingMessages | null> {
  return await sender.pending(key, 'session').catch(() => null);
}

/** What a session that is not in the store waits for; null when no message to it waits for a worker. */
export async function whyPendingSession(deps: PendingDeps, key: SessionKey): Promise<SessionWhy | null> {
  const pending = await pendingMessages(deps, key);
  if (pending === null || pending.waiting === 0) return null;
  const { polling: workers, lastSeenAt: workerLastSeenAt } = await countWorkers(deps);
  const { waiting, since } = pending;
  const now = new Date().toISOString();
  return explainPendingSession({ sessionId: key.session, pending: waiting, since, workers, workerLastSeenAt, now });
}

/** The error for a session that is not in the store, which states whether messages to it wait for a worker. */
export async function absentSession(deps: PendingDeps, key: SessionKey): Promise<PerdureError> {
  const why = await whyPendingSession(deps, key);
  return why === null ? noSuchSession(key) : new PerdureError('not_found', why.text);
}
