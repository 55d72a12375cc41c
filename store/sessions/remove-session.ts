import type { Policy } from '../../contracts/agent.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { archiveSession } from './archive-session.ts';
import type { Db } from '../db/db.ts';
import { deleteLocked } from './delete-session.ts';
import { lockExistingSession, lockSession } from '../log/lock-session.ts';
import { releaseSessionReservations } from '../runs/release-reservation.ts';

/** The outcome of removing a session. `done` is null when there was none. */
export interface RemovedSession {
  readonly done: 'archived' | 'deleted' | null;
  /** Empty for a deleted session. */
  readonly events: PerdureEvent[];
}

/**
 * Archives a session if `archives` returns true, otherwise deletes it, even if it is archived. Cancels its open runs; in an archive
 * those that wait for answers go on waiting.
 * Throws `too_large` for a session that is too large to archive.
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
    const { kind, agent, policy, messages } = (await lockExistingSession(tx, key)).row;
    if (kind !== 'run' && archives(agent, policy, messages)) return { done: 'archived', events: released };
    runAfterCommit = await deleteLocked(db, tx, key);
    return { done: 'deleted', events: [] };
  });
  await runAfterCommit?.();
  if (removed.done !== 'archived') return removed;
  return { done: 'archived', events: [...removed.events, ...(await archiveSession(db, key)).events] };
}
