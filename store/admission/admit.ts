import { v7 as uuidv7 } from 'uuid';
import type { Receipt, WhileRunning } from '../../contracts/session/message.ts';
import type { AdmissionResult, Desk, IncomingMessage } from './admission.ts';
import { newEvents, type EventLog } from '../log/event-log.ts';
import type { LockedSession } from '../log/lock-session.ts';
import { messageHash } from './message-hash.ts';
import { openRunOf } from '../runs/open-run.ts';
import { reopen } from '../sessions/recover-session.ts';
import { refusalOf } from './refusals.ts';
import { NO_COST, NO_TOKENS, type MessageRow, type RunRow } from '../log/rows.ts';

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
