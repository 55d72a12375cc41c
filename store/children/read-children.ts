import type { Json } from '../../contracts/json.ts';
import type { RunStatus } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';

/** A child and the call of its parent. Its session id and the id of its run are `childId`. */
export interface ChildLink {
  readonly childId: string;
  readonly agent: string;
  readonly depth: number;
  readonly parent: { readonly key: SessionKey; readonly runId: string; readonly callId: string };
}

interface LinkRow {
  readonly user_id: string;
  readonly session_id: string;
  readonly run_id: string;
  readonly call_id: string;
  readonly child_id: string;
  readonly agent: string;
  readonly depth: number;
}

/** The columns of {@link ChildLink} of `c`. */
export const LINK_COLUMNS = 'c.user_id, c.session_id, c.run_id, c.call_id, c.child_id, c.agent, c.depth';

/** Converts a row with {@link LINK_COLUMNS}. */
export function linkOf({
  user_id: user,
  session_id: session,
  run_id: runId,
  call_id: callId,
  ...child
}: LinkRow): ChildLink {
  const { child_id: childId, agent, depth } = child;
  return { childId, agent, depth, parent: { key: { user, session }, runId, callId } };
}

/** The link of a run that is a child; null for one that is nobody's. */
export async function readLink(tx: Tx, { user, session }: SessionKey): Promise<ChildLink | null> {
  const [row] = await tx.query<LinkRow>(
    `SELECT ${LINK_COLUMNS} FROM perdure.child_runs c WHERE user_id = $1 AND child_id = $2`,
    [user, session],
  );
  return row ? linkOf(row) : null;
}

/** A child that is not admitted yet. */
export interface StartingChild {
  readonly childId: string;
  readonly agent: string;
  /** Of its parent's call. */
  readonly arguments: Json;
}

/** The children of a run that are not admitted yet, in the order of their calls. */
export async function readStartingChildren(tx: Tx, key: SessionKey, runId: string): Promise<StartingChild[]> {
  return await tx.query<{ childId: string; agent: string; arguments: Json }>(
    `SELECT c.child_id AS "childId", c.agent, t.arguments
       FROM perdure.child_runs c
       JOIN perdure.tool_calls t USING (user_id, session_id, run_id, call_id)
      WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = $3 AND c.status = 'starting'
      ORDER BY c.step, c.position`,
    [key.user, key.session, runId],
  );
}

/** An open run below another one. */
export interface Descendant {
  readonly key: SessionKey;
  readonly runId: string;
  readonly status: RunStatus;
  /** 1: a child of the run that was asked for. */
  readonly level: number;
}

/** The open runs below a run, or, with `runId` null, below all runs of a session. The nearest first. */
export async function readOpenDescendants(
  tx: Tx,
  { user, session }: SessionKey,
  runId: string | null,
): Promise<Descendant[]> {
  const rows = await tx.query<{ childId: string; status: RunStatus; level: number }>(
    `WITH RECURSIVE below (child_id, level) AS (
       SELECT c.child_id, 1 FROM perdure.child_runs c
        WHERE c.user_id = $1 AND c.session_id = $2 AND ($3::text IS NULL OR c.run_id = $3) AND c.status = 'running'
        UNION
       SELECT c.child_id, b.level + 1 FROM below b
         JOIN perdure.child_runs c ON c.user_id = $1 AND c.session_id = b.child_id AND c.status = 'running'
        WHERE b.level < 100)
     SELECT b.child_id AS "childId", r.status, b.level
       FROM below b
       JOIN perdure.runs r ON r.user_id = $1 AND r.session_id = b.child_id AND r.run_id = b.child_id
      WHERE r.ended_at IS NULL
      ORDER BY b.level`,
    [user, session, runId],
  );
  return rows.map(({ childId, status, level }) => ({ key: { user, session: childId }, runId: childId, status, level }));
}
