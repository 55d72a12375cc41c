import type { UserLimits } from '../../contracts/budget.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { Tx } from '../db/db.ts';
import type { EventRow } from '../log/event-row.ts';
import { readTries } from './read-tries.ts';
import type { StepTry } from '../../core/providers/plan-models.ts';
import { anchorColumns, newEventsColumn, type AnchorTimes } from './load-new-events.ts';
import type { ModelCallRow, RunRow, StepRow, ToolCallRow } from '../log/rows.ts';
import { ownLimitsColumn, spentColumns } from '../budgets/spending-columns.ts';
import type { Spending } from '../budgets/warn-of-budgets.ts';

/** A run with the rows that write functions need. */
export interface LoadedRun {
  /** With the reason for which its stop was requested; null if it was not. */
  readonly run: RunRow & { readonly stop_reason: string | null };
  /** The newest step, committed or not. */
  readonly step: StepRow | null;
  /** Tool calls without a result, by position: pending, running or waiting. All belong to the newest committed step. */
  readonly openCalls: readonly ToolCallRow[];
  /** The newest attempt of the newest step; null before the first, and for runs older than the table `model_calls`. */
  readonly modelCall: ModelCallRow | null;
  /** Limits that an operator has set for the user; null for none. */
  readonly ownLimits: UserLimits | null;
}

/** A run with the events of the conversation after `since`, as far as they are loaded (see `parseNewEvents`). */
export interface LoadedPosition extends LoadedRun, AnchorTimes {
  readonly newEvents: readonly EventRow[];
  readonly since: number;
  /** Whether the session has no other open run. Absent if that was not read. */
  readonly isAlone?: boolean | undefined;
  /** For a run with fallback models, the attempts that `modelPlan` needs; null if they were not loaded. Empty for other runs. */
  readonly tries: readonly StepTry[] | null;
}

/** A statement that selects the runs of the session `$2` of the user `$1` with the columns of {@link LoadedRun}, `columns`, and `join` after the table `r` of runs. */
export const selectRuns = (columns = '', join = ''): string => `
  SELECT to_json(r) AS run,
         (SELECT to_json(s) FROM perdure.steps s
           WHERE s.user_id = $1 AND s.session_id = $2 AND s.run_id = r.run_id
           ORDER BY s.step DESC LIMIT 1) AS step,
         (SELECT coalesce(json_agg(to_json(t) ORDER BY t.position), '[]') FROM perdure.tool_calls t
           WHERE t.user_id = $1 AND t.session_id = $2 AND t.run_id = r.run_id
             AND t.status IN ('pending', 'running', 'waiting')) AS "openCalls",
         (SELECT to_json(c) FROM perdure.model_calls c
           WHERE c.user_id = $1 AND c.session_id = $2 AND c.run_id = r.run_id
           ORDER BY c.step DESC, c.attempt DESC LIMIT 1) AS "modelCall",
         ${ownLimitsColumn}${columns}
    FROM perdure.runs r${join}
   WHERE r.user_id = $1 AND r.session_id = $2`;

const RUN = `${selectRuns()} AND r.run_id = $3`;
const RUN_AND_NEW_EVENTS = `${selectRuns(`,${newEventsColumn('$4')},${anchorColumns('$6', '$7')},${spentColumns('$5')}`)} AND r.run_id = $3`;
const RUN_AND_SPENDING = `${selectRuns(`,${spentColumns('$4')}`)} AND r.run_id = $3`;
const OPEN_RUNS = `${selectRuns()} AND r.status IN ('queued', 'running', 'waiting') ORDER BY r.ordinal`;

/** Loads a run. The caller holds the session's lock. Throws `not_found`. */
export async function loadRun(tx: Tx, key: SessionKey, runId: string): Promise<LoadedRun> {
  return (await findRun(tx, key, runId)) ?? noSuchRun(key, runId);
}

/** As {@link loadRun}; null if there is no such run. */
export async function findRun(tx: Tx, key: SessionKey, runId: string): Promise<LoadedRun | null> {
  const [run] = await tx.query<LoadedRun>(RUN, [key.user, key.session, runId]);
  return run ?? null;
}

interface NewEventsRequest {
  /** The highest `seq` that is left out. */
  readonly since: number;
  readonly day: string;
  /** `seq` of the last event in the caller's cache; null without a cache. */
  readonly cached: number | null;
  readonly head: number;
}

/** Like {@link loadRun}, with the events of the conversation after the `seq` `since` (see `parseNewEvents`), the times of the events `cached` and `head`, and the user's spending on `day`, `YYYY-MM-DD`. */
export async function loadRunAndNewEvents(
  tx: Tx,
  key: SessionKey,
  runId: string,
  { since, day, cached, head }: NewEventsRequest,
): Promise<LoadedPosition & Spending> {
  const [run] = await tx.query<Omit<LoadedPosition, 'since' | 'tries'> & Spending>(RUN_AND_NEW_EVENTS, [
    key.user,
    key.session,
    runId,
    since,
    day,
    cached,
    head,
  ]);
  if (!run) return noSuchRun(key, runId);
  const tries = run.run.fallback_models === null ? [] : await readTries(tx, key, run);
  return { ...run, since, tries };
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
