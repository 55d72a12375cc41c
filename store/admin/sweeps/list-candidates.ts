import type { Policy } from '../../../contracts/agent.ts';
import { sessionKey, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { CleanUpDecision, CleanUpFacts } from '../../../core/session/clean-up.ts';
import type { Db } from '../../db/db.ts';
import type { SessionPosition, SweepPageBounds } from './sweeps.ts';

/** Decides what to do to a session at a time of the store's clock; null for nothing. */
export type Decide = (facts: CleanUpFacts, agent: string, policy: Policy, nowMs: number) => CleanUpDecision | null;

/** A session and the action to apply to it. */
export interface Candidate {
  readonly key: SessionKey;
  readonly decision: CleanUpDecision;
}

export interface CandidatePage {
  readonly candidates: Candidate[];
  /** The number of sessions in the page. */
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
 * For workers: decides about a page of the sessions of all users, or of one user. `sweepSession` repeats the decision
 * under the session's lock. `resumed`: the bounds of an interrupted page, whose remaining sessions are listed; null for
 * a new page.
 */
export async function listCandidates(
  db: Db,
  { user, after, limit }: { user: string | null; after: SessionPosition | null; limit: number },
  resumed: SweepPageBounds | null,
  decide: Decide,
): Promise<CandidatePage> {
  // The page was empty; sessions created since are left to the next sweep.
  if (resumed && !resumed.last) return { candidates: [], seen: 0, bounds: resumed };
  const [afterUser, afterSession] = after ?? [null, null];
  const [lastUser, lastSession] = resumed?.last ?? [null, null];
  const rows = await db.query<Row>(
    `SELECT user_id AS user, session_id AS session, kind, status, agent, policy, messages, errors,
            ended_runs AS "endedRuns",
            created_at AS "createdAt", opened_at AS "openedAt", last_active_at AS "lastActiveAt", clock_timestamp() AS now
       FROM perdure.sessions
      WHERE status <> 'archived' AND ($1::text IS NULL OR user_id = $1)
        AND ($2::text IS NULL OR (user_id, session_id) > ($2, $3))
        AND ($5::text IS NULL OR (user_id, session_id) <= ($5, $6))
      ORDER BY user_id, session_id LIMIT $4`,
    [user, afterUser, afterSession, resumed ? null : limit, lastUser, lastSession],
  );
  const candidates = rows.flatMap((row) => {
    const decision = decide({ ...row, hasOpenRun: false }, row.agent, row.policy, Date.parse(row.now));
    return decision ? [{ key: sessionKey(row.user, row.session), decision }] : [];
  });
  const last = rows.at(-1);
  const bounds = resumed ?? {
    after,
    last: last ? ([last.user, last.session] as const) : null,
    more: rows.length === limit,
  };
  return { candidates, seen: rows.length, bounds };
}
