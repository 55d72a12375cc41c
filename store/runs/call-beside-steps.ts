import type { BudgetFacts, RunBudget } from '../../contracts/budget.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { CallKind } from '../../contracts/session/run.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import {
  exceeded,
  factsOf,
  hasPeriodLimit,
  limitsOf,
  type Account,
  type ResolvedBudgets,
} from '../../core/money/budget.ts';
import type { Db, Tx } from '../db/db.ts';
import { appendEvents } from '../log/append-events.ts';
import { lockExistingSession, type LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { ModelCallRow, RunRow } from '../log/rows.ts';
import { loadRun, loadRunAndSpending } from './load-run.ts';
import { reportCall } from './report-call.ts';
import { warnOfBudgets } from '../budgets/warn-of-budgets.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import {
  claimedCall,
  NO_CALL_ROWS,
  settleModelCall,
  unreportedEnd,
  type CallCost,
  type CallEstimate,
  type CallRows,
  type ModelCallEnd,
} from '../budgets/model-call.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import { lockUserLimits, readUserLimits } from '../budgets/user-budgets.ts';

/** The step under which the calls beside the steps of a run are recorded. */
const BESIDE_STEPS = 0;

/** A model call that is no step of its run. */
export interface CallBesideSteps {
  readonly kind: CallKind;
  /** The call is recorded with this run, and adds to its cost. */
  readonly runId: string;
  /** `provider/model`. */
  readonly model: string;
  /** The most that the call can use; `nanos` is null when its price is unknown. */
  readonly worst: { readonly nanos: number | null; readonly tokens: number };
  /** What the call is charged if it ends without a report. */
  readonly estimate: CallEstimate & Pick<CallCost, 'priceSource' | 'priceDate'>;
  readonly budgets: ResolvedBudgets;
  /** Limits of the session and the run, from the policy. */
  readonly budget: RunBudget;
  /** Whether nobody will report an earlier call of the kind that is in progress at `at`. Default: always, as a session makes one call of a kind at a time. */
  readonly isLost?:
    | ((call: Pick<ModelCallRow, 'run_id' | 'attempt' | 'started_at'>, at: string) => boolean)
    | undefined;
}

export type BegunCall =
  | { readonly kind: 'begun'; readonly call: ModelCallRow }
  | { readonly kind: 'refused'; readonly facts: BudgetFacts };

/**
 * Records a model call, and reserves its worst case where a budget applies, in one transaction. Throws `not_found`, also for an archived
 * session.
 */
export async function recordCallBesideSteps(db: Db, key: SessionKey, input: CallBesideSteps): Promise<BegunCall> {
  return await db.transaction(async (tx) => await beginCallBesideSteps(tx, await lockExistingSession(tx, key), input));
}

/**
 * Records a model call, and reserves its worst case where a budget applies. Earlier calls of the kind that were never reported are settled
 * as lost. The caller holds the session's lock. Throws `not_found`.
 */
export async function beginCallBesideSteps(tx: Tx, session: LockedSession, input: CallBesideSteps): Promise<BegunCall> {
  const { key } = session;
  const { kind, runId, model, worst, isLost = () => true } = input;
  const loaded = await loadRun(tx, key, runId);
  const earlier = await loadCalls(tx, key, runId);
  const lost = await settleLost(
    tx,
    session,
    loaded.run,
    earlier.filter((call) => call.kind === kind && isLost(call, session.at)),
  );
  const ofRun = earlier.filter((call) => call.run_id === runId);
  const attempt = Math.max(0, ...ofRun.map((call) => call.attempt)) + 1;
  const call = { ...claimedCall(session, loaded.run, { step: BESIDE_STEPS, attempts: attempt }, model), kind };
  const accounts = await accountsOf(tx, key, { day: call.day, runId }, input);
  const full = exceeded(accounts, worst);
  if (!full) charge(call, input, accounts.length > 0);
  await appendEvents(tx, session, pendingEvents(session), {
    runs: [loaded.run, ...lost.runs],
    modelCalls: [...lost.modelCalls, ...(full ? [] : [call])],
    usageDays: lost.usageDays,
  });
  return full ? { kind: 'refused', facts: factsOf(full) } : { kind: 'begun', call };
}

/** Loads such calls of a run, and those of other runs that are in progress. */
async function loadCalls(tx: Tx, key: SessionKey, runId: string): Promise<ModelCallRow[]> {
  const rows = await tx.query<{ call: ModelCallRow }>(
    `SELECT to_json(c) AS call FROM perdure.model_calls c
      WHERE user_id = $1 AND session_id = $2 AND kind IS NOT NULL AND (run_id = $3 OR outcome = 'running')
      ORDER BY run_id, attempt`,
    [key.user, key.session, runId],
  );
  return rows.map(({ call }) => call);
}

/** Settles the calls that are in progress as lost. `run`: one of their runs. */
async function settleLost(
  tx: Tx,
  session: LockedSession,
  run: RunRow,
  calls: readonly ModelCallRow[],
): Promise<CallRows & { readonly runs: readonly RunRow[] }> {
  const runs = new Map([[run.run_id, run]]);
  const rows: CallRows[] = [];
  for (const call of calls) {
    if (call.outcome !== 'running') continue;
    const of = runs.get(call.run_id) ?? (await loadRun(tx, session.key, call.run_id)).run;
    runs.set(call.run_id, of);
    rows.push(settleModelCall(session, of, call, unreportedEnd('lost')));
  }
  return {
    runs: [...runs.values()].filter((one) => one !== run),
    modelCalls: rows.flatMap(({ modelCalls }) => modelCalls),
    usageDays: rows.flatMap(({ usageDays }) => usageDays),
  };
}

/** The outcome of a call beside the steps of a run. */
export interface CallBesideStepsEnd {
  readonly runId: string;
  readonly attempt: number;
  readonly end: ModelCallEnd;
  readonly budgets: ResolvedBudgets;
}

/** Settles a call in one transaction, and warns of budgets. Throws `not_found`. */
export async function recordCallBesideStepsEnd(
  db: Db,
  key: SessionKey,
  ended: CallBesideStepsEnd,
): Promise<PerdureEvent[]> {
  return await db.transaction(async (tx) => {
    const session = await lockExistingSession(tx, key);
    const pending = pendingEvents(session);
    const { run, calls } = await settleCallBesideSteps(tx, session, pending, ended);
    if (calls === NO_CALL_ROWS) return [];
    return await appendEvents(tx, session, pending, { runs: [run], ...calls });
  });
}

/**
 * Settles a call, and warns of budgets. Returns the changed rows for the caller to save; `calls` is `NO_CALL_ROWS` if the call was settled
 * before. The caller holds the session's lock. Throws `not_found`.
 */
export async function settleCallBesideSteps(
  tx: Tx,
  session: LockedSession,
  pending: PendingEvents,
  { runId, attempt, end, budgets }: CallBesideStepsEnd,
): Promise<{ readonly run: RunRow; readonly calls: CallRows }> {
  const loaded = await loadRunAndSpending(tx, session.key, runId, dayOf(session.at));
  const calls = await reportCall(tx, session, loaded, { step: BESIDE_STEPS, attempt }, end);
  for (const added of calls.usageDays) {
    await warnOfBudgets(tx, session, pending, { runId, added, budgets, spending: loaded });
  }
  return { run: loaded.run, calls };
}

/** The limited budgets that apply. The user's row serialises the reservations of one user. */
async function accountsOf(
  tx: Tx,
  key: SessionKey,
  call: { readonly day: string; readonly runId: string },
  { budgets, budget }: CallBesideSteps,
): Promise<Account[]> {
  let limits = limitsOf(budgets, await readUserLimits(tx, key.user));
  if (hasPeriodLimit(limits)) limits = limitsOf(budgets, await lockUserLimits(tx, key.user));
  return await readAccounts(tx, key, { ...call, limits, budget });
}

/** Notes what the call is charged without a report, and what it reserves. */
function charge(call: ModelCallRow, { worst, estimate }: CallBesideSteps, reserves: boolean): void {
  call.estimated_input_tokens = estimate.inputTokens;
  call.estimated_output_tokens = estimate.outputTokens;
  call.estimated_nanos = estimate.nanos;
  call.price_source = estimate.priceSource;
  call.price_date = estimate.priceDate;
  if (!reserves) return;
  call.reserved_nanos = worst.nanos;
  call.reserved_tokens = worst.tokens;
  call.held_nanos = worst.nanos ?? 0;
  call.held_tokens = worst.tokens;
}
