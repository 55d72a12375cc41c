import type { UserLimits } from '../../contracts/budget.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { limitsOf, type Account } from '../../core/money/budget.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import type { AdmissionRequest, AdmissionDecision, AdmissionState } from './admission-request.ts';
import { decideAdmission } from './decide-admission.ts';
import { appendEvents } from '../log/append-events.ts';
import { pendingEvents } from '../log/pending-events.ts';
import { restoreRows } from '../sessions/archive-session.ts';
import { blankSession, insertSession } from '../sessions/create-session.ts';
import type { Db, Tx } from '../db/db.ts';
import { expiryFactsOf, type ExpiryFacts } from '../sessions/expire-if-due.ts';
import { lockForExecution } from '../sessions/lock-for-execution.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { ensureCapacity, SessionLimitError, type EvictedSession } from '../sessions/ensure-capacity.ts';
import { orderOpenRuns, type OpenRunRow } from '../runs/order-open-runs.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import { detectLostWorkflow, reopen } from '../sessions/recover-session.ts';
import type { MessageRow, RunRow } from '../log/rows.ts';

export interface CommittedAdmissions {
  /** As it now is; null when there is none, because every message was refused. */
  readonly session: ({ readonly status: SessionStatus } & ExpiryFacts) | null;
  readonly created: boolean;
  /** One for each message, in their order. */
  readonly results: AdmissionDecision[];
  /** Every open run, new ones included, in the order in which they will go; null unless `execution` was given. */
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
  /** Sessions that have expired to make room for this one. */
  readonly evicted: readonly EvictedSession[];
}

/** What is answered where there is no room for the session: nothing of the transaction is kept. */
class NotAdmitted extends Error {
  readonly admitted: CommittedAdmissions;
  constructor(admitted: CommittedAdmissions, cause: SessionLimitError) {
    super(cause.message, { cause });
    this.admitted = admitted;
  }
}

/**
 * Says yes or no to messages, in order and in one transaction, and creates or reopens the session that they need.
 * A receipt is final: the same id gets the same one for ever. What is refused leaves no trace.
 */
export async function commitAdmissions(
  db: Db,
  key: SessionKey,
  admission: AdmissionRequest,
): Promise<CommittedAdmissions> {
  let runAfterCommit: (() => Promise<void>) | undefined;
  try {
    const admitted = await db.transaction(async (tx) => {
      for (;;) {
        const { session, events } = await lockForExecution(tx, key, admission.execution);
        const archived = session?.row.status === 'archived';
        if (archived) runAfterCommit = await restoreRows(db, tx, session);
        const decided = await decide(tx, key, admission, session, archived);
        // Null: somebody else created the session in the meantime, and it can be locked now.
        if (decided) return { ...decided, events: [...events, ...decided.events] };
      }
    });
    await runAfterCommit?.();
    return admitted;
  } catch (error) {
    if (error instanceof NotAdmitted) return error.admitted;
    throw error;
  }
}

async function decide(
  tx: Tx,
  key: SessionKey,
  admission: AdmissionRequest,
  found: LockedSession | null,
  restored: boolean,
): Promise<CommittedAdmissions | null> {
  const before = found && { status: found.row.status, ...expiryFactsOf(found) };
  const state = await loadAdmissionState(tx, key, admission, found);
  const noted =
    found && state.pending ? detectLostWorkflow(found, state.pending, admission.execution, state.open.length) : false;
  // Any message restores, so that even a repeated one finds its receipt and its answer.
  if (restored && found && state.pending) reopen(found, state.pending);
  const results = admission.messages.map((message) => decideAdmission(state, message));
  const { session, pending } = state;
  const created = session !== null && found === null;
  const opens = session !== null && session.row.status === 'active' && before?.status !== 'active';
  const { limits, kind } = admission;
  const evicted =
    opens && limits && kind === 'session'
      ? await ensureCapacity(tx, key, limits).catch((error: unknown) => {
          throw error instanceof SessionLimitError ? notAdmitted(state, before, results, error, restored) : error;
        })
      : [];
  if (created && !(await insertSession(tx, session, {}))) return null;
  const changed = noted || restored || state.messages.length > 0;
  const rows = { messages: state.messages, runs: [...state.runs] };
  return {
    session: session && { status: session.row.status, ...expiryFactsOf(session) },
    created,
    results,
    openRuns: admission.execution === null ? null : orderOpenRuns(state.open),
    events: session && pending && changed ? await appendEvents(tx, session, pending, rows) : [],
    evicted,
  };
}

/** What was admitted before keeps its receipt, unless that is in the archive with the answer. */
function notAdmitted(
  { admission, messages }: AdmissionState,
  before: CommittedAdmissions['session'],
  results: readonly AdmissionDecision[],
  error: SessionLimitError,
  restored: boolean,
): NotAdmitted {
  const refused = { ok: false, code: error.code, detail: error.message, retryAfterMs: null } as const;
  const isNew = (id: string) => restored || messages.some(({ message_id }) => message_id === id);
  const verdicts = results.map((result) => (result.ok && isNew(result.receipt.messageId) ? refused : result));
  const openRuns = admission.execution === null ? null : [];
  const answer = { session: before, created: false, results: verdicts, openRuns, events: [], evicted: [] };
  return new NotAdmitted(answer, error);
}

interface Known {
  readonly at: string;
  readonly messages: MessageRow[];
  readonly open: OpenRunRow[];
  readonly running: RunRow | null;
  readonly ownLimits: UserLimits | null;
}

async function loadAdmissionState(
  tx: Tx,
  key: SessionKey,
  admission: AdmissionRequest,
  session: LockedSession | null,
): Promise<AdmissionState> {
  const ids = JSON.stringify(admission.messages.map((message) => message.id));
  const [known] = (await tx.query<Known>(READ_ADMISSION_STATE, [key.user, key.session, ids])) as [Known];
  const { kind, execution } = admission;
  const at = session?.at ?? known.at;
  return {
    key,
    admission,
    session,
    pending: session && pendingEvents(session),
    known: new Map(known.messages.map((message) => [message.message_id, message])),
    // One object for one run, so that what joins it counts in the queue too.
    open: known.open.map((run) => (known.running?.run_id === run.run_id ? known.running : run)),
    running: known.running,
    messages: [],
    accounts: await accountsFor(tx, key, admission, session, known.ownLimits, at),
    at,
    runs: new Set(),
    create: (agent) => blankSession(key, known.at, { kind, agent, policy: {}, execution }),
  };
}

/** What the session's budgets stand at; nothing is read where none is in force. */
async function accountsFor(
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
