import type { UserLimits } from '../../contracts/budget.ts';
import type { PerdureEvent } from '../../contracts/session/event.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { SessionStatus } from '../../contracts/session/session.ts';
import { limitsOf, type Account } from '../../core/money/budget.ts';
import type { OpenRun } from '../../core/session/run-queue.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import type { Admission, AdmissionResult, Desk } from './admission.ts';
import { admit } from './admit.ts';
import { appendEvents } from '../log/append-events.ts';
import { newEvents } from '../log/event-log.ts';
import { restoreRows } from '../sessions/archive-session.ts';
import { blankSession, insertSession } from '../sessions/create-session.ts';
import type { Db, Tx } from '../db/db.ts';
import { lifeOf, type SessionLife } from '../sessions/expire-session.ts';
import { lockRecovered } from '../sessions/lock-recovered.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { makeRoom, NoRoomError, type EvictedSession } from '../sessions/make-room.ts';
import { inOrder, type OpenRunRow } from '../runs/open-run.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import { noteExecution, reopen } from '../sessions/recover-session.ts';
import type { MessageRow, RunRow } from '../log/rows.ts';

export interface Admitted {
  /** As it now is; null when there is none, because every message was refused. */
  readonly session: ({ readonly status: SessionStatus } & SessionLife) | null;
  readonly created: boolean;
  /** One for each message, in their order. */
  readonly results: AdmissionResult[];
  /** Every open run, new ones included, in the order in which they will go; null unless `execution` was given. */
  readonly openRuns: OpenRun[] | null;
  readonly events: PerdureEvent[];
  /** Sessions that have expired to make room for this one. */
  readonly evicted: readonly EvictedSession[];
}

/** What is answered where there is no room for the session: nothing of the transaction is kept. */
class NotAdmitted extends Error {
  readonly admitted: Admitted;
  constructor(admitted: Admitted, cause: NoRoomError) {
    super(cause.message, { cause });
    this.admitted = admitted;
  }
}

/**
 * Says yes or no to messages, in order and in one transaction, and creates or reopens the session that they need.
 * A receipt is final: the same id gets the same one for ever. What is refused leaves no trace.
 */
export async function admitMessages(db: Db, key: SessionKey, admission: Admission): Promise<Admitted> {
  let afterwards: (() => Promise<void>) | undefined;
  try {
    const admitted = await db.transaction(async (tx) => {
      for (;;) {
        const { session, events } = await lockRecovered(tx, key, admission.execution);
        const archived = session?.row.status === 'archived';
        if (archived) afterwards = await restoreRows(db, tx, session);
        const decided = await decide(tx, key, admission, session, archived);
        // Null: somebody else created the session in the meantime, and it can be locked now.
        if (decided) return { ...decided, events: [...events, ...decided.events] };
      }
    });
    await afterwards?.();
    return admitted;
  } catch (error) {
    if (error instanceof NotAdmitted) return error.admitted;
    throw error;
  }
}

async function decide(
  tx: Tx,
  key: SessionKey,
  admission: Admission,
  found: LockedSession | null,
  restored: boolean,
): Promise<Admitted | null> {
  const before = found && { status: found.row.status, ...lifeOf(found) };
  const desk = await setUpDesk(tx, key, admission, found);
  const noted = found && desk.log ? noteExecution(found, desk.log, admission.execution, desk.open.length) : false;
  // Any message restores, so that even a repeated one finds its receipt and its answer.
  if (restored && found && desk.log) reopen(found, desk.log);
  const results = admission.messages.map((message) => admit(desk, message));
  const { session, log } = desk;
  const created = session !== null && found === null;
  const opens = session !== null && session.row.status === 'active' && before?.status !== 'active';
  const { limits, kind } = admission;
  const evicted =
    opens && limits && kind === 'session'
      ? await makeRoom(tx, key, limits).catch((error: unknown) => {
          throw error instanceof NoRoomError ? notAdmitted(desk, before, results, error, restored) : error;
        })
      : [];
  if (created && !(await insertSession(tx, session, {}))) return null;
  const changed = noted || restored || desk.messages.length > 0;
  const rows = { messages: desk.messages, runs: [...desk.runs] };
  return {
    session: session && { status: session.row.status, ...lifeOf(session) },
    created,
    results,
    openRuns: admission.execution === null ? null : inOrder(desk.open),
    events: session && log && changed ? await appendEvents(tx, session, log, rows) : [],
    evicted,
  };
}

/** What was admitted before keeps its receipt, unless that is in the archive with the answer. */
function notAdmitted(
  { admission, messages }: Desk,
  before: Admitted['session'],
  results: readonly AdmissionResult[],
  error: NoRoomError,
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

async function setUpDesk(tx: Tx, key: SessionKey, admission: Admission, session: LockedSession | null): Promise<Desk> {
  const ids = JSON.stringify(admission.messages.map((message) => message.id));
  const [known] = (await tx.query<Known>(READ_DESK, [key.user, key.session, ids])) as [Known];
  const { kind, execution } = admission;
  const at = session?.at ?? known.at;
  return {
    key,
    admission,
    session,
    log: session && newEvents(session),
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
  { budget: terms, messages, defaultAgent }: Admission,
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

const READ_DESK = `
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
