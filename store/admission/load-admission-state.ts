import type { UserLimits } from '../../contracts/budget.ts';
import type { WhileRunning } from '../../contracts/session/message.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import { limitsOf, type Account } from '../../core/money/budget.ts';
import { dayOf } from '../../core/money/utc-period.ts';
import { readAccounts } from '../budgets/read-accounts.ts';
import { ownLimitsColumn } from '../budgets/spending-columns.ts';
import type { Db, Tx } from '../db/db.ts';
import { asOfNow, sessionColumns, sessionOf, type FoundSession, type LockedSession } from '../log/lock-session.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import { restingSession, type RestingSession } from '../log/resting-session.ts';
import type { MessageRow, RunRow } from '../log/rows.ts';
import { offeredAgents } from '../runs/agent-versions.ts';
import type { OpenRunRow } from '../runs/order-open-runs.ts';
import { blankSession } from '../sessions/create-session.ts';
import type { AdmissionRequest } from './admission-request.ts';

/** The state that decisions read and change, in memory. Saved by `commitAdmissions`. */
export interface AdmissionState {
  readonly key: SessionKey;
  readonly request: AdmissionRequest;
  /** As in the request. An agent of the session that only workers have counts as known. */
  readonly knowsAgent: (name: string) => boolean;
  /** Null until a message creates it. */
  session: LockedSession | null;
  pending: PendingEvents | null;
  /** Messages by id: those of the request that were admitted before, and those admitted now. */
  readonly known: Map<string, MessageRow>;
  readonly open: OpenRunRow[];
  /** The run that a message joins or interrupts: the running one, else one that waits for an answer. */
  current: RunRow | null;
  /** The waiting runs that messages interrupt. */
  readonly withdrawn: RunRow[];
  /** Whether a run that waits for an answer holds the queue. */
  readonly isHeld: boolean;
  /** Messages admitted now. */
  readonly messages: MessageRow[];
  /** Limits that an operator has set for the user; null for none. */
  readonly ownLimits: UserLimits | null;
  /** The budgets in force. */
  readonly accounts: readonly Account[];
  /** Time of the decisions, ISO 8601 UTC. */
  readonly at: string;
  /** Runs that were created or changed. */
  readonly runs: Set<RunRow>;
  /** Returns the session to insert for the first accepted message. */
  readonly create: (agent: string) => LockedSession;
}

/** Ids of runs that are open in a session; null where there is none. */
export interface OpenBefore {
  readonly running: string | null;
  /** The one that was admitted last. */
  readonly newest: string | null;
  /** Whether one that waits for an answer holds the queue. */
  readonly isHeld: boolean;
}

export function openIn({ open, current, isHeld }: AdmissionState): OpenBefore {
  // The workflow does not have the runs that wait for an answer.
  const newest = open.filter(({ status }) => status !== 'waiting').toSorted((a, b) => a.ordinal - b.ordinal);
  return {
    running: current?.status === 'running' ? current.run_id : null,
    newest: newest.at(-1)?.run_id ?? null,
    isHeld,
  };
}

/** The running or waiting run if a message joins it. A run whose answer is committed makes no further model call, so that none joins it. */
export function steeredRun({ current }: AdmissionState, whileRunning: WhileRunning): RunRow | null {
  return whileRunning === 'steer' && current?.context?.phase !== 'after' ? current : null;
}

interface StateRow {
  readonly at: string;
  readonly known: MessageRow[];
  readonly open: OpenRunRow[];
  readonly current: RunRow | null;
  readonly ownLimits: UserLimits | null;
}

/** Loads the state that decisions about a request depend on. `session` is locked, or null when there is none. */
export async function loadAdmissionState(
  tx: Tx,
  key: SessionKey,
  request: AdmissionRequest,
  session: LockedSession | null,
): Promise<AdmissionState> {
  const [row] = (await tx.query<StateRow>(READ_STATE, paramsOf(key, request))) as [StateRow];
  return await stateOf(tx, key, request, session, row);
}

/**
 * As {@link loadAdmissionState}, with the session and without its lock; null when there is none. Of a session that rests, the messages
 * that were admitted before are not read: their ids are unique in the store.
 */
export async function loadUnlockedState(
  db: Db,
  key: SessionKey,
  request: AdmissionRequest,
): Promise<AdmissionState | null> {
  const resting = restingSession(db, key);
  if (resting && !resting.admitted) return await restingState(db, key, request, resting);
  const [found] = await db.query<StateRow & FoundSession>(READ_SESSION_AND_STATE, paramsOf(key, request));
  if (!found) return null;
  const { known, open, current, ownLimits, ...session } = found;
  const row = { at: found.at, known, open, current, ownLimits };
  return await stateOf(db, key, request, sessionOf(key, session), row);
}

async function restingState(
  db: Db,
  key: SessionKey,
  request: AdmissionRequest,
  resting: RestingSession,
): Promise<AdmissionState> {
  const { ownLimits } = resting;
  const session = asOfNow(db, resting.session);
  const row = { at: session.at, known: [], open: [], current: null, ownLimits };
  return await stateOf(db, key, request, session, row);
}

function paramsOf(key: SessionKey, { messages }: AdmissionRequest): unknown[] {
  return [key.user, key.session, JSON.stringify(messages.map(({ id }) => id))];
}

async function stateOf(
  tx: Tx,
  key: SessionKey,
  request: AdmissionRequest,
  session: LockedSession | null,
  row: StateRow,
): Promise<AdmissionState> {
  const { kind, execution } = request;
  const at = session?.at ?? row.at;
  const own = session?.row.agent;
  const offered = await offeredAgents(tx, own === undefined || request.knowsAgent(own) ? [] : [own]);
  return {
    key,
    request,
    knowsAgent: (name) => request.knowsAgent(name) || offered.has(name),
    session,
    pending: session && pendingEvents(session),
    known: new Map(row.known.map((message) => [message.message_id, message])),
    // One object per run, so that a message that joins a run changes the queue too.
    open: row.open.map((run) => (row.current?.run_id === run.run_id ? row.current : run)),
    current: row.current,
    withdrawn: [],
    isHeld: row.open.some(({ status, holds_queue }) => status === 'waiting' && holds_queue === true),
    messages: [],
    ownLimits: row.ownLimits,
    accounts: await loadAccounts(tx, key, request, session, row.ownLimits, at),
    at,
    runs: new Set(),
    create: (agent) => blankSession(key, row.at, { kind, agent, policy: request.policy ?? {}, execution }),
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

const STATE = `
         (SELECT coalesce(json_agg(m), '[]') FROM perdure.messages m
           WHERE m.user_id = $1 AND m.session_id = $2
             AND m.message_id IN (SELECT json_array_elements_text($3::json))) AS known,
         (SELECT coalesce(json_agg(o), '[]')
            FROM (SELECT run_id, ordinal, urgent, status, bytes, holds_queue FROM perdure.runs
                   WHERE user_id = $1 AND session_id = $2 AND status IN ('queued', 'running', 'waiting')) o) AS open,
         (SELECT to_json(r) FROM perdure.runs r
           WHERE r.user_id = $1 AND r.session_id = $2 AND r.status IN ('running', 'waiting')
           ORDER BY r.status = 'running' DESC, r.holds_queue DESC NULLS LAST, r.started_seq DESC LIMIT 1) AS current,
         ${ownLimitsColumn}`;

const READ_STATE = `SELECT date_trunc('milliseconds', clock_timestamp()) AS at,${STATE}`;
const READ_SESSION_AND_STATE = `
  SELECT ${sessionColumns},${STATE} FROM perdure.sessions s WHERE s.user_id = $1 AND s.session_id = $2`;
