import type { Policy } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { archiveLocked } from './archive-session.ts';
import { cancelOpenRuns } from '../runs/cancel-runs.ts';
import type { Db } from '../db/db.ts';
import { deleteLocked } from './delete-session.ts';
import { lockExistingSession, lockSession } from '../log/lock-session.ts';
import { releaseSessionReservations } from '../runs/release-reservation.ts';

/** What became of a session that was to be removed; null when there was none. */
export interface RemovedSession {
  readonly done: 'archived' | 'deleted' | null;
  /** None of a session that was deleted. */
  readonly events: PerdureEvent[];
}

/**
 * Archives a session or deletes it, as `archives` says; what runs in it is cancelled. An archived one that need not be
 * archived is deleted. Throws `too_large` for what cannot be archived.
 */
export async function removeSession(
  db: Db,
  key: SessionKey,
  { archives }: { readonly archives: (agent: string, policy: Policy, messages: number) => boolean },
): Promise<RemovedSession> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  const removed = await db.transaction(async (tx): Promise<RemovedSession> => {
    if (!(await lockSession(tx, key))) return { done: null, events: [] };
    const released = await releaseSessionReservations(tx, key);
    const session = await lockExistingSession(tx, key);
    const { kind, agent, policy, messages } = session.row;
    if (kind === 'run' || !archives(agent, policy, messages)) {
      runAfterCommit = await deleteLocked(db, tx, key);
      return { done: 'deleted', events: [] };
    }
    const cancelled = await cancelOpenRuns(tx, session, 'archived');
    const archived = await archiveLocked(db, tx, (await lockSession(tx, key)) ?? session);
    return { done: 'archived', events: [...released, ...cancelled, ...archived] };
  });
  await runAfterCommit?.();
  return removed;
}
