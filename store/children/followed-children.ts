import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import { LINK_COLUMNS, linkOf, type ChildLink } from './read-children.ts';

/** A child whose events a reader follows. */
export interface FollowedChild {
  readonly link: ChildLink;
  /** `seq` of the result of its call, in the session of its parent; null before. */
  readonly returnedSeq: number | null;
}

export interface FollowedQuery {
  /** Only children of this run; null for those of all runs of the session. */
  readonly runId: string | null;
  /** The reader has the events of the session up to this one. */
  readonly after: number;
  /** The ids of the children that the reader has begun to follow; undefined if it has followed none. */
  readonly known: readonly string[] | undefined;
}

const RETURNED = `(SELECT e.seq FROM perdure.events e
    WHERE e.user_id = c.user_id AND e.session_id = c.session_id AND e.dedupe = 'result:' || c.run_id || ':' || c.call_id)`;

/**
 * The children that a reader goes on with: those that it has begun to follow, or, if it has followed none, those of calls that it has
 * seen made and not seen return.
 */
export async function followedChildren(
  tx: Tx,
  { user, session }: SessionKey,
  { runId, after, known }: FollowedQuery,
): Promise<FollowedChild[]> {
  const rows = known
    ? await tx.query<Row>(
        `SELECT ${LINK_COLUMNS}, ${RETURNED} AS returned_seq FROM perdure.child_runs c
          WHERE c.user_id = $1 AND c.child_id IN (SELECT json_array_elements_text($2::json)) AND c.status <> 'orphaned'`,
        [user, JSON.stringify(known)],
      )
    : await tx.query<Row>(
        `SELECT * FROM (
           SELECT ${LINK_COLUMNS}, c.step, c.position, ${RETURNED} AS returned_seq
             FROM perdure.child_runs c
            WHERE c.user_id = $1 AND c.session_id = $2 AND ($3::text IS NULL OR c.run_id = $3)
              AND c.status IN ('starting', 'running')
              AND EXISTS (SELECT FROM perdure.events e
                           WHERE e.user_id = $1 AND e.session_id = $2 AND e.seq <= $4
                             AND e.dedupe = 'call:' || c.run_id || ':' || c.call_id)) AS c
          WHERE returned_seq IS NULL OR returned_seq > $4
          ORDER BY run_id, step, position`,
        [user, session, runId, after],
      );
  return rows.map(({ returned_seq: returnedSeq, ...row }) => ({ link: linkOf(row), returnedSeq }));
}

type Row = Parameters<typeof linkOf>[0] & { readonly returned_seq: number | null };
