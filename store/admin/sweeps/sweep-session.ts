import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SweepAction } from '../../../contracts/maintenance.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import type { CleanUpDecision } from '../../../core/session/clean-up.ts';
import { appendEvents } from '../../log/append-events.ts';
import { pendingEvents } from '../../log/pending-events.ts';
import { archiveLocked } from '../../sessions/archive-session.ts';
import type { Db, Tx } from '../../db/db.ts';
import { deleteLocked } from '../../sessions/delete-session.ts';
import { hasOpenRun, markExpired } from '../../sessions/expire-if-due.ts';
import { withPackedSession, type PackedSource } from '../../sessions/pack-session.ts';
import { lockSession, type LockedSession } from '../../log/lock-session.ts';
import type { Decide } from './list-candidates.ts';
import { recordAction } from './sweeps.ts';

/** The action that a sweep took on a session. */
export interface SweptSession {
  readonly action: SweepAction;
  readonly events: PerdureEvent[];
  /** Whether the session was active and is no longer. The caller notifies its workflow. */
  readonly deactivated: boolean;
}

/** Repeats the decision under the session's lock, carries it out and records it, in one transaction. Returns null when there was nothing to do. */
export async function sweepSession(
  db: Db,
  sweepId: string,
  key: SessionKey,
  decide: Decide,
): Promise<SweptSession | null> {
  return await withPackedSession(db, key, async (source) => await sweepOnce(db, sweepId, key, decide, source));
}

async function sweepOnce(
  db: Db,
  sweepId: string,
  key: SessionKey,
  decide: Decide,
  source: PackedSource,
): Promise<SweptSession | null> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  const swept = await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return null;
    const { row, createdAt, at } = session;
    const times = { createdAt, openedAt: row.opened_at, lastActiveAt: row.last_active_at };
    const facts = { ...row, ...times, endedRuns: await countEnds(tx, key), hasOpenRun: await hasOpenRun(tx, key) };
    const decision = decide(facts, row.agent, row.policy, Date.parse(at));
    if (!decision) return null;
    const deactivated = row.status === 'active' && row.kind === 'session' && decision.action !== 'warned';
    if (decision.action === 'deleted') runAfterCommit = await deleteLocked(db, tx, key);
    const events = await act(db, tx, session, decision, source);
    await recordAction(tx, sweepId, key, decision);
    return { action: decision.action, events, deactivated };
  });
  await runAfterCommit?.();
  return swept;
}

/** `ended_runs` is not among the columns that `lockSession` loads. */
async function countEnds(tx: Tx, { user, session }: SessionKey): Promise<number> {
  const [row] = await tx.query<{ ended: number }>(
    `SELECT ended_runs AS ended FROM perdure.sessions WHERE user_id = $1 AND session_id = $2`,
    [user, session],
  );
  return row?.ended ?? 0;
}

async function act(
  db: Db,
  tx: Tx,
  session: LockedSession,
  { action, reason }: CleanUpDecision,
  source: PackedSource,
): Promise<PerdureEvent[]> {
  if (action === 'expired') return await markExpired(tx, session, reason);
  if (action === 'archived') return await archiveLocked(db, tx, session, source);
  if (action !== 'failed') return [];
  session.row.status = 'failed';
  session.row.end_reason = reason;
  const pending = pendingEvents(session);
  pending.add({ type: 'session.failed', reason }, null);
  return await appendEvents(tx, session, pending);
}
