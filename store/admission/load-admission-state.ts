import type { UserLimits } from '../../contracts/budget.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { limitsOf, type Account } from '../../core/money/budget.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import type { Tx } from '../db/db.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { MessageRow, RunRow } from '../log/rows.ts';
import type { OpenRunRow } from '../runs/order-open-runs.ts';
import { blankSession } from '../sessions/create-session.ts';
import type { AdmissionRequest } from './admission-request.ts';

/** The state that decisions read and change, in memory. Saved by `commitAdmissions`. */
export interface AdmissionState {
  readonly key: SessionKey;
  readonly request: AdmissionRequest;
  /** Null until a message creates it. */
  session: LockedSession | null;
  pending: PendingEvents | null;
  /** Messages by id: those of the request that were admitted before, and those admitted now. */
  readonly known: Map<string, MessageRow>;
  readonly open: OpenRunRow[];
  readonly running: RunRow | null;
  /** Messages admitted now. */
  readonly messages: MessageRow[];
  /** The budgets in force. */
  readonly accounts: readonly Account[];
  /** Time of the decisions, ISO 8601 UTC. */
  readonly at: string;
  /** Runs that were created or changed. */
  readonly runs: Set<RunRow>;
  /** Returns the session to insert for the first accepted message. */
  readonly create: (agent: string) => LockedSession;
}

interface StateRow {
  readonly at: string;
  readonly messages: MessageRow[];
  readonly open: OpenRunRow[];
  readonly running: RunRow | null;
  readonly ownLimits: UserLimits | null;
}

/** Loads the state that decisions about a request depend on. `session` is locked, or null when there is none. */
export async function loadAdmissionState(
  tx: Tx,
  key: SessionKey,
  request: AdmissionRequest,
  session: LockedSession | null,
): Promise<AdmissionState> {
  const ids = JSON.stringify(request.messages.map((message) => message.id));
  const [row] = (await tx.query<StateRow>(READ_ADMISSION_STATE, [key.user, key.session, ids])) as [StateRow];
  const { kind, execution } = request;
  const at = session?.at ?? row.at;
  return {
    key,
    request,
    session,
    pending: session && pendingEvents(session),
    known: new Map(row.messages.map((message) => [message.message_id, message])),
    // One object per run, so that a message that joins the running run changes the queue too.
    open: row.open.map((run) => (row.running?.run_id === run.run_id ? row.running : run)),
    running: row.running,
    messages: [],
    accounts: await loadAccounts(tx, key, request, session, row.ownLimits, at),
    at,
    runs: new Set(),
    create: (agent) => blankSession(key, row.at, { kind, agent, policy: {}, execution }),
  };
}

/** Loads the budgets of the session. Reads nothing when none is in force. */
async function loadAccounts(
  tx: Tx,
  key: SessionKey,
  { budget: terms, messages, defaultAgent }: AdmissionRequest,
  session: LockedSession | null,
  ownLimits: UserLimits | null,
  at: string,
): Promise<Account[]> {
  if (!terms) return [];
  const agent = session?.row.agent ?? messages[0]?.agent ?? defaultAgent;
  const budget = terms.budgetOf(agent, session?.row.policy ?? {});
  const limits = limitsOf(terms.budgets, ownLimits);
  return await readAccounts(tx, key, { day: dayOf(at), limits, budget, runId: null });
}

const READ_ADMISSION_STATE = `
  SELECT date_trunc('milliseconds', clock_timestamp()) AS at,
         (SELECT coalesce(json_agg(m), '[]') FROM perdure.messages m
           WHERE m.user_id = $1 AND m.session_id = $2
             AND m.message_id IN (SELECT json_array_elements_text($3::json))) AS messages,
         (SELECT coalesce(json_agg(o), '[]')
            FROM (SELECT run_id, ordinal, urgent, status, bytes FROM perdure.runs
                   WHERE user_id = $1 AND session_id = $2 AND status IN ('queued', 'running')) o) AS open,
         (SELECT to_json(r) FROM perdure.runs r
           WHERE r.user_id = $1 AND r.session_id = $2 AND r.status = 'running' LIMIT 1) AS running,
         (SELECT limits FROM perdure.user_budgets WHERE user_id = $1) AS "ownLimits"`;
