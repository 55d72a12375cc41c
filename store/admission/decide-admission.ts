import { v7 as uuidv7 } from 'uuid';
import type { Receipt, WhileRunning } from '../../contracts/session/message.ts';
import type { AdmissionDecision, IncomingMessage } from './admission-request.ts';
import { steeredRun, type AdmissionState } from './load-admission-state.ts';
import { pendingEvents, type PendingEvents } from '../log/pending-events.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { messageBytes } from './message-bytes.ts';
import { messageHash } from './message-hash.ts';
import { openRunOf, type OpenRunRow } from '../runs/order-open-runs.ts';
import { reopen } from '../sessions/recover-session.ts';
import { findRefusal } from './find-refusal.ts';
import type { MessageRow, RunRow } from '../log/rows.ts';
import { NO_CALL_SUMS, NO_COST, NO_TOKENS } from '../log/sums.ts';

/** Decides about one message: a duplicate, a refusal or an acceptance. An acceptance changes `state`; nothing is saved. */
export function decideAdmission(state: AdmissionState, message: IncomingMessage): AdmissionDecision {
  const known = state.known.get(message.id);
  if (known) return repeated(state, known, message);
  const { request, session } = state;
  const agent = session?.row.agent ?? message.agent ?? request.defaultAgent;
  const whileRunning = message.whileRunning ?? session?.row.policy.whileRunning ?? request.defaultWhileRunning(agent);
  const refusal = findRefusal(state, message, agent, whileRunning);
  return refusal ?? accept(state, message, agent, whileRunning);
}

function repeated(state: AdmissionState, known: MessageRow, message: IncomingMessage): AdmissionDecision {
  if (known.body_hash !== messageHash(message)) {
    const detail = `The message id ${JSON.stringify(message.id)} was already used for another body. Use a new id for a new message.`;
    return { ok: false, code: 'idempotency_conflict', detail, retryAfterMs: null };
  }
  const steered = known.receipt.disposition === 'steered';
  const open = state.open.find((run) => run.run_id === known.run_id);
  const stopping = state.current?.run_id === known.interrupts && state.current?.status === 'running';
  return {
    ok: true,
    receipt: { ...known.receipt, seq: known.seq },
    duplicate: true,
    run: open && !steered ? openRunOf(open) : null,
    interrupts: stopping ? known.interrupts : null,
  };
}

function accept(
  state: AdmissionState,
  message: IncomingMessage,
  agent: string,
  whileRunning: WhileRunning,
): AdmissionDecision {
  const { session, pending } = openFor(state, agent);
  const joined = steeredRun(state, whileRunning);
  const interrupted = whileRunning === 'interrupt' ? state.current : null;
  const interrupts = interrupted?.status === 'running' ? interrupted.run_id : null;
  if (interrupted?.status === 'waiting') withdraw(state, interrupted);
  const position = joined ? 0 : runsAhead(state, whileRunning);
  const disposition = joined ? 'steered' : blocking(state).length === 0 ? 'started' : 'queued';
  const runId = joined?.run_id ?? (state.request.kind === 'run' ? state.key.session : uuidv7());
  const receipt: Receipt = { messageId: message.id, runId, disposition, position };
  const seq = pending.add(
    {
      type: 'message.received',
      runId,
      messageId: message.id,
      content: message.content,
      ...(message.parts ? { parts: [...message.parts] } : {}),
      disposition,
      ...(message.output ? { output: message.output } : {}),
      ...(message.pin === true ? { pin: true } : {}),
    },
    `message:${message.id}`,
  );
  const row = { message_id: message.id, run_id: runId, seq, body_hash: messageHash(message), interrupts, receipt };
  state.messages.push(row);
  state.known.set(message.id, row);
  session.row.messages += 1;
  session.row.last_active_at = session.at;
  const run = joined ?? queueRun(state, session, runId, agent, whileRunning === 'interrupt');
  run.message_ids.push(message.id);
  run.bytes += messageBytes(message);
  run.last_message_seq = seq;
  state.runs.add(run);
  return {
    ok: true,
    receipt: { ...receipt, seq },
    duplicate: false,
    run: joined ? null : openRunOf(run),
    interrupts,
  };
}

function openFor(state: AdmissionState, agent: string): { session: LockedSession; pending: PendingEvents } {
  if (!state.session || !state.pending) {
    state.session = state.create(agent);
    state.pending = pendingEvents(state.session);
    state.pending.add({ type: 'session.opened', agent }, null);
  }
  reopen(state.session, state.pending);
  return { session: state.session, pending: state.pending };
}

/** The number of runs that will run first. An interrupting run goes before all queued runs except urgent ones; the running one is stopped for it. */
function runsAhead(state: AdmissionState, whileRunning: WhileRunning): number {
  if (whileRunning !== 'interrupt') return blocking(state).length;
  return state.open.filter((run) => run.urgent && run.status === 'queued').length;
}

/** The open runs that the queue waits for. */
function blocking({ open }: AdmissionState): OpenRunRow[] {
  return open.filter(({ status, holds_queue: holds }) => status !== 'waiting' || holds === true);
}

/** Cancels a run that waits for an answer: no activity would stop it. */
function withdraw(state: AdmissionState, run: RunRow): void {
  state.withdrawn.push(run);
  state.open.splice(state.open.indexOf(run), 1);
  state.runs.delete(run);
  state.current = null;
}

function queueRun(
  state: AdmissionState,
  session: LockedSession,
  runId: string,
  agent: string,
  urgent: boolean,
): RunRow {
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
    fallback_models: null,
    answer_model: null,
    context: null,
    message_ids: [],
    bytes: 0,
    last_message_seq: 0,
    started_seq: null,
    resumes: 0,
    steps: 0,
    active_ms: 0,
    ...NO_TOKENS,
    ...NO_COST,
    ...NO_CALL_SUMS,
    output: null,
    object: null,
    error: null,
    created_at: session.at,
    started_at: null,
    ended_at: null,
    failures: 0,
    traceparent: state.request.traceparent ?? null,
    holds_queue: null,
  };
  state.open.push(run);
  return run;
}
