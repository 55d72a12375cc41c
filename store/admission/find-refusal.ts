import type { ErrorCode } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { WhileRunning } from '../../contracts/session/message.ts';
import { exceeded, factsOf, refusalText, budgetRetryAfterMs } from '../../core/money/budget.ts';
import { usdOf } from '../../core/money/price.ts';
import type { AdmissionDecision, IncomingMessage } from './admission-request.ts';
import type { AdmissionState } from './load-admission-state.ts';

/** Returns the first reason to refuse a message; null when it can be accepted. Refusals are not stored. */
export function findRefusal(
  state: AdmissionState,
  message: IncomingMessage,
  agent: string,
  whileRunning: WhileRunning,
): AdmissionDecision | null {
  return (
    tooLarge(message) ??
    ended(state) ??
    wrongAgent(state, message, agent) ??
    busy(state, whileRunning) ??
    full(state, message, whileRunning) ??
    overBudget(state, message, agent)
  );
}

function tooLarge({ content }: IncomingMessage): AdmissionDecision | null {
  const bytes = Buffer.byteLength(content);
  if (bytes <= LIMITS.messageBytes.value) return null;
  return refuse(
    'too_large',
    `The content has ${bytes} bytes; the limit is ${LIMITS.messageBytes.value}. Split it into several messages.`,
  );
}

function ended({ key, request, session }: AdmissionState): AdmissionDecision | null {
  if (session && session.row.kind !== request.kind) {
    return refuse(
      'invalid_request',
      `The id ${JSON.stringify(key.session)} belongs to a ${session.row.kind === 'run' ? 'run without a session' : 'session'}. Use another id.`,
    );
  }
  if (request.kind === 'run' && session && session.row.messages > 0) {
    return refuse(
      'invalid_request',
      `The run ${JSON.stringify(key.session)} already has its message. Use a session to send more than one message.`,
    );
  }
  if (session?.row.status !== 'completed') return null;
  const name = JSON.stringify(key.session);
  return refuse(
    'session_ended',
    `The session ${name} has ended. Use another session id, or delete this session to start afresh.`,
  );
}

function wrongAgent(
  { key, request, session }: AdmissionState,
  message: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (session && message.agent !== undefined && message.agent !== agent) {
    const detail = `The session ${JSON.stringify(key.session)} belongs to the agent ${JSON.stringify(agent)}, not to ${JSON.stringify(message.agent)}. Omit "agent", or use another session id.`;
    return refuse('invalid_request', detail);
  }
  if (request.knowsAgent(agent)) return null;
  return refuse(
    'invalid_request',
    `There is no agent ${JSON.stringify(agent)}. Run \`perdure agents\` to list the available ones.`,
  );
}

function busy({ key, open }: AdmissionState, whileRunning: WhileRunning): AdmissionDecision | null {
  if (whileRunning !== 'reject' || open.length === 0) return null;
  const name = JSON.stringify(key.session);
  return refuse(
    'run_in_progress',
    `A run is in progress in the session ${name}. Send the message again when the run has ended, or with whileRunning "enqueue".`,
  );
}

function full(
  { key, open, running }: AdmissionState,
  { content }: IncomingMessage,
  whileRunning: WhileRunning,
): AdmissionDecision | null {
  const name = JSON.stringify(key.session);
  const waiting = open.filter((run) => run.status === 'queued').length;
  const steers = whileRunning === 'steer' && running !== null;
  if (!steers && waiting >= LIMITS.queuedRuns.value) {
    return refuse(
      'queue_full',
      `The queue of the session ${name} is full: ${waiting} runs are waiting; the limit is ${LIMITS.queuedRuns.value}. Send the message again when some runs have ended.`,
    );
  }
  const bytes = open.reduce((sum, run) => sum + run.bytes, Buffer.byteLength(content));
  if (bytes <= LIMITS.queuedBytes.value) return null;
  const limit = LIMITS.queuedBytes.value;
  return refuse(
    'queue_full',
    `With this message, ${bytes} bytes would be waiting in the session ${name}; the limit is ${limit}. Send the message again when some runs have ended.`,
  );
}

function overBudget(
  { request, accounts, at }: AdmissionState,
  { content }: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (accounts.length === 0) return null;
  const least = request.budget?.leastOf(agent, content);
  const account = least && exceeded(accounts, least);
  if (!least || !account) return null;
  const facts = factsOf(account);
  const isUsd = account.unit === 'usd';
  const detail = refusalText(facts, isUsd ? usdOf(least.nanos) : least.tokens, least.model);
  return {
    ok: false,
    code: 'budget_exceeded',
    detail,
    retryAfterMs: budgetRetryAfterMs(account, least, Date.parse(at)),
    budget: facts,
  };
}

function refuse(code: ErrorCode, detail: string): AdmissionDecision {
  return { ok: false, code, detail, retryAfterMs: null };
}
