import { PerdureError } from '../contracts/errors.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Tx } from './db.ts';
import type { EventRow } from './event-row.ts';
import { newsColumn } from './load-news.ts';
import type { RunRow, StepRow, ToolCallRow } from './rows.ts';

/** A run as the write functions need it. */
export interface LoadedRun {
  readonly run: RunRow;
  /** The newest step, committed or not. */
  readonly step: StepRow | null;
  /** Calls without a result, in their order; all of them are of the newest committed step. */
  readonly openCalls: readonly ToolCallRow[];
}

const selectRuns = (more = '') => `
  SELECT to_json(r) AS run,
         (SELECT to_json(s) FROM perdure.steps s
           WHERE s.user_id = $1 AND s.session_id = $2 AND s.run_id = r.run_id
           ORDER BY s.step DESC LIMIT 1) AS step,
         (SELECT coalesce(json_agg(to_json(t) ORDER BY t.position), '[]') FROM perdure.tool_calls t
           WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = r.run_id
             AND t.status IN ('pending', 'running')) AS "openCalls"${more}
    FROM perdure.runs r
   WHERE r.user_id = $1 AND r.session_id = $2`;

/** Loads a run under its session's lock. Throws `not_found`. */
export async function loadRun(tx: Tx, key: SessionKey, runId: string): Promise<LoadedRun> {
  const [run] = await tx.query<LoadedRun>(`${selectRuns()} AND r.run_id = $3`, [key.user, key.session, runId]);
  return run ?? noSuchRun(key, runId);
}

/** As {@link loadRun}, with what happened to the conversation after the `seq` in `after`: see `newsIn`. */
export async function loadRunAndNews(
  tx: Tx,
  key: SessionKey,
  runId: string,
  after: number,
): Promise<LoadedRun & { readonly news: readonly EventRow[] }> {
  const [run] = await tx.query<LoadedRun & { news: EventRow[] }>(
    `${selectRuns(`,${newsColumn('$4')}`)} AND r.run_id = $3`,
    [key.user, key.session, runId, after],
  );
  return run ?? noSuchRun(key, runId);
}

function noSuchRun(key: SessionKey, runId: string): never {
  throw new PerdureError(
    'not_found',
    `There is no run ${JSON.stringify(runId)} in the session ${JSON.stringify(key.session)}. \`perdure runs\` lists those there are.`,
  );
}

/** Every run of a session that has not ended, the oldest first. */
export async function loadOpenRuns(tx: Tx, key: SessionKey): Promise<LoadedRun[]> {
  return await tx.query<LoadedRun>(`${selectRuns()} AND r.status IN ('queued', 'running') ORDER BY r.ordinal`, [
    key.user,
    key.session,
  ]);
}
