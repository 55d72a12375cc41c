import { LIMITS } from '../../contracts/limits.ts';
import type { RunStatus, StopReason } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Db, Tx } from '../db/db.ts';

/** A run below another one whose stop was recorded. */
export interface MarkedRun {
  readonly key: SessionKey;
  readonly runId: string;
  /** 1: a child of the run that was asked for. */
  readonly level: number;
}

export interface MarkedTree {
  /** The status of the run itself; null if there is no such run, or `runId` was null. */
  readonly status: RunStatus | null;
  /** The open runs below it, the nearest first. */
  readonly below: readonly MarkedRun[];
}

/**
 * Records the reason of a stop with a run and all open runs below it, or, with `runId` null, with those below a session, in one
 * transaction. It locks each session before it reads which children its runs have: none is admitted meanwhile. From its end on,
 * no run of the tree begins a step. Sessions are locked from the top to the bottom, and by their ids within a level.
 */
export async function markTree(
  db: Db,
  key: SessionKey,
  { runId, reason }: { readonly runId: string | null; readonly reason: StopReason },
): Promise<MarkedTree> {
  return await db.transaction(async (tx) => {
    const { user } = key;
    const [root] = await mark(tx, user, [key.session], runId, reason);
    const below: MarkedRun[] = [];
    let parents = [key.session];
    for (let level = 1; parents.length > 0 && level <= LIMITS.childDepth.value; level++) {
      const found = await readChildren(tx, user, parents, level === 1 ? runId : null);
      const open = found.length === 0 ? [] : await mark(tx, user, found, null, reason);
      parents = open.flatMap(({ session, isOpen }) => (isOpen ? [session] : []));
      below.push(...parents.map((session) => ({ key: { user, session }, runId: session, level })));
    }
    return { status: runId === null ? null : (root?.status ?? null), below };
  });
}

/** Children that are admitted and whose ends are not handed over. */
async function readChildren(
  tx: Tx,
  user: string,
  parents: readonly string[],
  runId: string | null,
): Promise<readonly string[]> {
  const rows = await tx.query<{ child: string }>(
    `SELECT child_id AS child FROM perdure.child_runs
      WHERE user_id = $1 AND session_id IN (SELECT json_array_elements_text($2::json)) AND ($3::text IS NULL OR run_id = $3) AND status = 'running'`,
    [user, JSON.stringify(parents), runId],
  );
  return rows.map(({ child }) => child);
}

/** Locks sessions, and records the stop of one run of each: that of a child has the session's id. Returns the runs. */
async function mark(
  tx: Tx,
  user: string,
  sessions: readonly string[],
  runId: string | null,
  reason: StopReason,
): Promise<readonly { readonly session: string; readonly status: RunStatus; readonly isOpen: boolean }[]> {
  const named = JSON.stringify(sessions);
  for (const session of sessions) tx.memory?.forget({ user, session });
  await tx.query(
    `SELECT 1 FROM perdure.sessions WHERE user_id = $1 AND session_id IN (SELECT json_array_elements_text($2::json)) ORDER BY session_id FOR UPDATE`,
    [user, named],
  );
  await tx.query(
    `UPDATE perdure.runs SET stop_reason = $4
      WHERE user_id = $1 AND session_id IN (SELECT json_array_elements_text($2::json)) AND run_id = coalesce($3, session_id)
        AND stop_reason IS NULL AND status IN ('queued', 'running', 'waiting')`,
    [user, named, runId, reason],
  );
  // So that no step begins on what was read before.
  await tx.query(
    `UPDATE perdure.sessions SET updated_at = greatest(clock_timestamp(), updated_at)
      WHERE user_id = $1 AND session_id IN (SELECT json_array_elements_text($2::json))`,
    [user, named],
  );
  return await tx.query(
    `SELECT session_id AS session, status, ended_at IS NULL AS "isOpen" FROM perdure.runs
      WHERE user_id = $1 AND session_id IN (SELECT json_array_elements_text($2::json)) AND run_id = coalesce($3, session_id)`,
    [user, named, runId],
  );
}
