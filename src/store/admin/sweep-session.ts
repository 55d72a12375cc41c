import type { PerdureEvent } from '../../contracts/event.ts';
import type { SweepAction } from '../../contracts/maintenance.ts';
import { sessionKey, type SessionKey } from '../../contracts/session-key.ts';
import type { CleanUpDecision, CleanUpFacts } from '../../core/clean-up.ts';
import type { Policy } from '../../contracts/agent.ts';
import { appendEvents } from '../append-events.ts';
import { newEvents } from '../event-log.ts';
import { archiveLocked } from '../archive-session.ts';
import type { Db, Tx } from '../db.ts';
import { deleteLocked } from '../delete-session.ts';
import { hasOpenRun, markExpired } from '../expire-session.ts';
import { lockSession, type LockedSession } from '../lock-session.ts';
import { noteAction, type SessionPosition, type SweepPageBounds } from './sweeps.ts';

/** A decision about a session, as of the store's clock. */
export type Decide = (facts: CleanUpFacts, agent: string, policy: Policy, nowMs: number) => CleanUpDecision | null;

export interface Candidate {
  readonly key: SessionKey;
  readonly decision: CleanUpDecision;
}

export interface CandidatePage {
  readonly candidates: Candidate[];
  readonly seen: number;
  readonly bounds: SweepPageBounds;
}

type Row = Omit<CleanUpFacts, 'hasOpenRun'> & {
  readonly user: string;
  readonly session: string;
  readonly agent: string;
  readonly policy: Policy;
  readonly now: string;
};

/**
 * A page of everybody's sessions, or of one user's, and what is to be done to them. Decided again before it is done.
 * Given the bounds of a page that was cut short, the sessions that are left of it.
 */
export async function listCandidates(
  db: Db,
  { user, after, limit }: { user: string | null; after: SessionPosition | null; limit: number },
  cut: SweepPageBounds | null,
  decide: Decide,
): Promise<CandidatePage> {
  // Nobody was there, and whoever came since is the next sweep's.
  if (cut && !cut.last) return { candidates: [], seen: 0, bounds: cut };
  const [afterUser, afterSession] = after ?? [null, null];
  const [lastUser, lastSession] = cut?.last ?? [null, null];
  const rows = await db.query<Row>(
    `SELECT user_id AS user, session_id AS session, kind, status, agent, policy, messages, errors,
            ended_runs AS "endedRuns",
            created_at AS "createdAt", opened_at AS "openedAt", last_active_at AS "lastActiveAt", clock_timestamp() AS now
       FROM perdure.sessions
      WHERE status <> 'archived' AND ($1::text IS NULL OR user_id = $1)
        AND ($2::text IS NULL OR (user_id, session_id) > ($2, $3))
        AND ($5::text IS NULL OR (user_id, session_id) <= ($5, $6))
      ORDER BY user_id, session_id LIMIT $4`,
    [user, afterUser, afterSession, cut ? null : limit, lastUser, lastSession],
  );
  const candidates = rows.flatMap((row) => {
    const decision = decide({ ...row, hasOpenRun: false }, row.agent, row.policy, Date.parse(row.now));
    return decision ? [{ key: sessionKey(row.user, row.session), decision }] : [];
  });
  const last = rows.at(-1);
  const bounds = cut ?? {
    after,
    last: last ? ([last.user, last.session] as const) : null,
    more: rows.length === limit,
  };
  return { candidates, seen: rows.length, bounds };
}

/** What a sweep did to a session. */
export interface SweptSession {
  readonly action: SweepAction;
  readonly events: PerdureEvent[];
  /** Whether it was active and is so no longer: its workflow is to hear of that. */
  readonly over: boolean;
}

/** Decides again under the session's lock, does what is decided and notes it, in one transaction. Null when there was nothing to do. */
export async function sweepSession(
  db: Db,
  sweepId: string,
  key: SessionKey,
  decide: Decide,
): Promise<SweptSession | null> {
  let afterwards: (() => Promise<void>) | undefined;
  const swept = await db.transaction(async (tx) => {
    const session = await lockSession(tx, key);
    if (!session) return null;
    const { row, createdAt, at } = session;
    const times = { createdAt, openedAt: row.opened_at, lastActiveAt: row.last_active_at };
    const facts = { ...row, ...times, endedRuns: await countEnds(tx, key), hasOpenRun: await hasOpenRun(tx, key) };
    const decision = decide(facts, row.agent, row.policy, Date.parse(at));
    if (!decision) return null;
    const over = row.status === 'active' && row.kind === 'session' && decision.action !== 'warned';
    if (decision.action === 'deleted') afterwards = await deleteLocked(db, tx, key);
    const events = await act(db, tx, session, decision);
    await noteAction(tx, sweepId, key, decision);
    return { action: decision.action, events, over };
  });
  await afterwards?.();
  return swept;
}

/** The column is kept in the row by whoever ends a run; the locked session does without it. */
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
): Promise<PerdureEvent[]> {
  if (action === 'expired') return await markExpired(tx, session, reason);
  if (action === 'archived') return await archiveLocked(db, tx, session);
  if (action !== 'failed') return [];
  session.row.status = 'failed';
  session.row.end_reason = reason;
  const log = newEvents(session);
  log.add({ type: 'session.failed', reason }, null);
  return await appendEvents(tx, session, log);
}
