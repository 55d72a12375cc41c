import { v7 as uuidv7 } from 'uuid';
import type { Policy } from '../contracts/agent.ts';
import type { BudgetFacts, RunBudget } from '../contracts/budget.ts';
import type { ErrorCode } from '../contracts/errors.ts';
import type { MessageInput, Receipt, WhileRunning } from '../contracts/message.ts';
import type { SessionLimits } from '../contracts/session-limits.ts';
import type { SessionKey } from '../contracts/session-key.ts';
import type { Account, ResolvedBudgets } from '../core/budget.ts';
import type { OpenRun } from '../core/run-queue.ts';
import { newEvents, type EventLog } from './append-events.ts';
import { messageHash } from './message-hash.ts';
import type { LockedSession } from './lock-session.ts';
import { openRunOf, type OpenRunRow } from './open-run.ts';
import { reopen } from './recover-session.ts';
import { refusalOf } from './refusals.ts';
import { NO_COST, NO_TOKENS, type MessageRow, type RunRow } from './rows.ts';

/** A message with its id. */
export type IncomingMessage = MessageInput & { readonly id: string };

export interface Admission {
  /** Handled in order, in one transaction. */
  readonly messages: readonly IncomingMessage[];
  /** Of a session that a message without `agent` creates. */
  readonly defaultAgent: string;
  readonly knowsAgent: (name: string) => boolean;
  readonly kind: 'session' | 'run';
  /** How many sessions may be active. Default: any number. */
  readonly limits?: SessionLimits | undefined;
  /** What an agent's policy says; the session's policy and the message itself come first. */
  readonly defaultWhileRunning: (agent: string) => WhileRunning;
  /** What limits the user and the session. Default: nothing. */
  readonly budget?: AdmissionBudget;
  /** Names the workflow start that asks, when it holds no state yet; null when it does. */
  readonly execution: string | null;
}

export interface AdmissionBudget {
  readonly budgets: ResolvedBudgets;
  /** Of a session and its runs. */
  readonly budgetOf: (agent: string, session: Policy) => RunBudget;
  /** What the first model call for a message takes at least, and of which model; null for an agent that is not known. */
  readonly leastOf: (
    agent: string,
    content: string,
  ) => { readonly model: string; readonly nanos: number | null; readonly tokens: number } | null;
}

export type AdmissionResult =
  | {
      readonly ok: true;
      readonly receipt: Receipt;
      /** Whether this id was admitted before, with this body: the receipt is the first one. */
      readonly duplicate: boolean;
      /** The run made for this message, while it is open; null for a steered message. A duplicate names it too, for whoever did not hear the first answer. */
      readonly run: OpenRun | null;
      /** The run that this message stops, while it is running. */
      readonly interrupts: string | null;
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly detail: string;
      readonly retryAfterMs: number | null;
      /** The budget that refuses it. */
      readonly budget?: BudgetFacts | undefined;
    };

/** The state that admission decides on, and what it makes of it. Nothing here is saved yet. */
export interface Desk {
  readonly key: SessionKey;
  readonly admission: Admission;
  /** Null until there is one. */
  session: LockedSession | null;
  log: EventLog | null;
  /** Messages admitted before under the ids at hand, and those admitted here. */
  readonly known: Map<string, MessageRow>;
  readonly open: OpenRunRow[];
  readonly running: RunRow | null;
  readonly messages: MessageRow[];
  /** The budgets that are in force. */
  readonly accounts: readonly Account[];
  /** The time at which is decided. */
  readonly at: string;
  readonly runs: Set<RunRow>;
  /** Makes the session that the first accepted message needs. */
  readonly create: (agent: string) => LockedSession;
}

/** Says yes or no to one message, and notes on the desk what a yes changes. */
export function admit(desk: Desk, message: IncomingMessage): AdmissionResult {
  const known = desk.known.get(message.id);
  if (known) return repeated(desk, known, message);
  const { admission, session } = desk;
  const agent = session?.row.agent ?? message.agent ?? admission.defaultAgent;
  const whileRunning = message.whileRunning ?? session?.row.policy.whileRunning ?? admission.defaultWhileRunning(agent);
  const refusal = refusalOf(desk, message, agent, whileRunning);
  return refusal ?? accept(desk, message, agent, whileRunning);
}

function repeated(desk: Desk, known: MessageRow, message: IncomingMessage): AdmissionResult {
  if (known.body_hash !== messageHash(message)) {
    const detail = `The message id ${JSON.stringify(message.id)} was used before with another body. Use a new id for a new message.`;
    return { ok: false, code: 'idempotency_conflict', detail, retryAfterMs: null };
  }
  const steered = known.receipt.disposition === 'steered';
  const open = desk.open.find((run) => run.run_id === known.run_id);
  const stopping = desk.running?.run_id === known.interrupts && desk.running?.status === 'running';
  return {
    ok: true,
    receipt: known.receipt,
    duplicate: true,
    run: open && !steered ? openRunOf(open) : null,
    interrupts: stopping ? known.interrupts : null,
  };
}

function accept(desk: Desk, message: IncomingMessage, agent: string, whileRunning: WhileRunning): AdmissionResult {
  const { session, log } = openFor(desk, agent);
  const joined = whileRunning === 'steer' ? desk.running : null;
  const interrupts = whileRunning === 'interrupt' ? (desk.running?.run_id ?? null) : null;
  const position = joined ? 0 : runsAhead(desk, whileRunning);
  const disposition = joined ? 'steered' : desk.open.length === 0 ? 'started' : 'queued';
  const runId = joined?.run_id ?? (desk.admission.kind === 'run' ? desk.key.session : uuidv7());
  const receipt: Receipt = { messageId: message.id, runId, disposition, position };
  const seq = log.add(
    { type: 'message.received', runId, messageId: message.id, content: message.content, disposition },
    `message:${message.id}`,
  );
  const row = { message_id: message.id, run_id: runId, seq, body_hash: messageHash(message), interrupts, receipt };
  desk.messages.push(row);
  desk.known.set(message.id, row);
  session.row.messages += 1;
  session.row.last_active_at = session.at;
  const run = joined ?? queueRun(desk, session, runId, agent, whileRunning === 'interrupt');
  run.message_ids.push(message.id);
  run.bytes += Buffer.byteLength(message.content);
  run.last_message_seq = seq;
  desk.runs.add(run);
  return {
    ok: true,
    receipt,
    duplicate: false,
    run: joined ? null : openRunOf(run),
    interrupts,
  };
}

function openFor(desk: Desk, agent: string): { session: LockedSession; log: EventLog } {
  if (!desk.session || !desk.log) {
    desk.session = desk.create(agent);
    desk.log = newEvents(desk.session);
    desk.log.add({ type: 'session.opened', agent }, null);
  }
  reopen(desk.session, desk.log);
  return { session: desk.session, log: desk.log };
}

/** An interrupting run goes ahead of all but urgent ones, and the running one stops for it. */
function runsAhead({ open }: Desk, whileRunning: WhileRunning): number {
  if (whileRunning !== 'interrupt') return open.length;
  return open.filter((run) => run.urgent && run.status === 'queued').length;
}

function queueRun(desk: Desk, session: LockedSession, runId: string, agent: string, urgent: boolean): RunRow {
  session.row.last_ordinal += 1;
  session.row.runs += 1;
  const run: RunRow = {
    run_id: runId,
    ordinal: session.row.last_ordinal,
    urgent,
    status: 'queued',
    agent,
    agent_version: null,
    model: null,
    message_ids: [],
    bytes: 0,
    last_message_seq: 0,
    started_seq: null,
    resumes: 0,
    steps: 0,
    active_ms: 0,
    ...NO_TOKENS,
    ...NO_COST,
    output: null,
    error: null,
    created_at: session.at,
    started_at: null,
    ended_at: null,
  };
  desk.open.push(run);
  return run;
}
