import type { Policy } from '../../../contracts/agent.ts';
import { sessionKey, type SessionKey } from '../../../contracts/session/session-key.ts';
import type { CleanUpDecision, CleanUpFacts } from '../../../core/session/clean-up.ts';
import type { Db } from '../../db/db.ts';
import type { SessionPosition, SweepPageBounds } from './sweeps.ts';

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
