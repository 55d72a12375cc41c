import type { UserLimits } from '../../contracts/budget.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { EventRow } from '../log/event-row.ts';
import { newEventsColumn } from './load-new-events.ts';
import type { ModelCallRow, RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import type { Spending } from '../budgets/warn-of-budgets.ts';

/** A run with the rows that write functions need. */
export interface LoadedRun {
  readonly run: RunRow;
  /** The newest step, committed or not. */
  readonly step: StepRow | null;
  /** Tool calls without a result, by position. All belong to the newest committed step. */
  readonly openCalls: readonly ToolCallRow[];
  /** The newest attempt of the newest step; null before the first, and for runs older than the table `model_calls`. */
  readonly modelCall: ModelCallRow | null;
  /** Limits that an operator has set for the user; null for none. */
  readonly ownLimits: UserLimits | null;
}

const selectRuns = (more = '') => `
  SELECT to_json(r) AS run,
         (SELECT to_json(s) FROM perdure.steps s
           WHERE s.user_id = $1 AND s.session_id = $2 AND s.run_id = r.run_id
           ORDER BY s.step DESC LIMIT 1) AS step,
         (SELECT coalesce(json_agg(to_json(t) ORDER BY t.position), '[]') FROM perdure.tool_calls t
           WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = r.run_id
             AND t.status IN ('pending', 'running')) AS "openCalls",
         (SELECT to_json(c) FROM perdure.model_calls c
           WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = r.run_id
           ORDER BY c.step DESC, c.attempt DESC LIMIT 1) AS "modelCall",
         (SELECT limits FROM perdure.user_budgets WHERE user_id = $1) AS "ownLimits"${more}
    FROM perdure.runs r
   WHERE r.user_id = $1 AND r.session_id = $2`;

/** Columns of {@link Spending}: what the user has spent on the day, and the warnings of the day and its month. */
const spendingColumns = (day: string) => `,
         (SELECT coalesce(sum(cost_nanos), 0)::float8 FROM perdure.usage_days
           WHERE user_id = $1 AND day = ${day}::text::date) AS "spentToday",
         (SELECT coalesce(json_agg(budget), '[]') FROM perdure.budget_warnings
           WHERE user_id = $1 AND period IN (${day}::text, left(${day}::text, 7))) AS warned`;

const RUN = `${selectRuns()} AND r.run_id = $3`;
const RUN_AND_NEW_EVENTS = `${selectRuns(`,${newEventsColumn('$4')}${spendingColumns('$5')}`)} AND r.run_id = $3`;
const RUN_AND_SPENDING = `${selectRuns(spendingColumns('$4'))} AND r.run_id = $3`;
const OPEN_RUNS = `${selectRuns()} AND r.status IN ('queued', 'running') ORDER BY r.ordinal`;

/** Loads a run. The caller holds the session's lock. Throws `not_found`. */
export async function loadRun(tx: Tx, key: SessionKey, runId: string): Promise<LoadedRun> {
  const [run] = await tx.query<LoadedRun>(RUN, [key.user, key.session, runId]);
  return run ?? noSuchRun(key, runId);
}

/** Like {@link loadRun}, with the events of the conversation after the `seq` `after` (see `parseNewEvents`) and the user's spending on `day`, `YYYY-MM-DD`. */
export async function loadRunAndNewEvents(
  tx: Tx,
  key: SessionKey,
  runId: string,
  { after, day }: { readonly after: number; readonly day: string },
): Promise<LoadedRun & Spending & { readonly newEvents: readonly EventRow[] }> {
  const [run] = await tx.query<LoadedRun & Spending & { newEvents: EventRow[] }>(RUN_AND_NEW_EVENTS, [
    key.user,
    key.session,
    runId,
    after,
    day,
  ]);
  return run ?? noSuchRun(key, runId);
}

/** Like {@link loadRun}, with the user's spending on `day`, `YYYY-MM-DD`. */
export async function loadRunAndSpending(
  tx: Tx,
  key: SessionKey,
  runId: string,
  day: string,
): Promise<LoadedRun & Spending> {
  const [run] = await tx.query<LoadedRun & Spending>(RUN_AND_SPENDING, [key.user, key.session, runId, day]);
  return run ?? noSuchRun(key, runId);
}

function noSuchRun(key: SessionKey, runId: string): never {
  throw new PerdureError(
    'not_found',
    `There is no run ${JSON.stringify(runId)} in the session ${JSON.stringify(key.session)}. Run \`perdure runs\` to list its runs.`,
  );
}

/** Loads the runs of a session that have not ended, by ordinal. The caller holds the session's lock. */
export async function loadOpenRuns(tx: Tx, key: SessionKey): Promise<LoadedRun[]> {
  return await tx.query<LoadedRun>(OPEN_RUNS, [key.user, key.session]);
}
