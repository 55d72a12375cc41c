import type { ErrorCode } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { WhileRunning } from '../../contracts/session/message.ts';
import { exceeded, factsOf, refusalText, budgetRetryAfterMs } from '../../core/money/budget.ts';
import { usdOf } from '../../core/money/price.ts';
import type { AdmissionDecision, IncomingMessage } from './admission-request.ts';
import { steeredRun, type AdmissionState } from './load-admission-state.ts';
import { messageBytes } from './message-bytes.ts';

/** When a message that a pause has refused is best sent again. */
const PAUSED_RETRY_MS = 30_000;

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
    wrongParts(state, message, agent) ??
    paused(state, agent) ??
    busy(state, whileRunning) ??
    otherOutput(state, message, whileRunning) ??
    full(state, message, whileRunning) ??
    overBudget(state, message, agent)
  );
}

function tooLarge({ content, parts = [] }: IncomingMessage): AdmissionDecision | null {
  const data = parts.filter(({ type }) => type === 'data');
  const bytes = Buffer.byteLength(content) + (data.length === 0 ? 0 : Buffer.byteLength(JSON.stringify(data)));
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
  { key, knowsAgent, session }: AdmissionState,
  message: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (session && message.agent !== undefined && message.agent !== agent) {
    const detail = `The session ${JSON.stringify(key.session)} belongs to the agent ${JSON.stringify(agent)}, not to ${JSON.stringify(message.agent)}. Omit "agent", or use another session id.`;
    return refuse('invalid_request', detail);
  }
  if (knowsAgent(agent)) return null;
  return refuse(
    'invalid_request',
    `There is no agent ${JSON.stringify(agent)}. Run \`perdure agents\` to list the available ones.`,
  );
}

function wrongParts(
  { request }: AdmissionState,
  { parts, refusal }: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (parts === undefined) return null;
  if (refusal !== undefined) return refuse(refusal.code, refusal.detail);
  const problem = request.contentProblem?.(agent, parts) ?? null;
  return problem === null ? null : refuse('unsupported_content', problem);
}

function paused({ request }: AdmissionState, agent: string): AdmissionDecision | null {
  const why = request.pausedFor?.(agent) ?? null;
  if (why === null) return null;
  const detail = `${why} Send the message again when the pause has ended.`;
  return { ok: false, code: 'paused', detail, retryAfterMs: PAUSED_RETRY_MS };
}

function busy({ key, open }: AdmissionState, whileRunning: WhileRunning): AdmissionDecision | null {
  if (whileRunning !== 'reject' || open.length === 0) return null;
  const name = JSON.stringify(key.session);
  return refuse(
    'run_in_progress',
    `A run is in progress in the session ${name}. Send the message again when the run has ended, or with whileRunning "enqueue".`,
  );
}

/** A run has one answer, and whoever sent its first message waits for it. */
function otherOutput(
  state: AdmissionState,
  { output }: IncomingMessage,
  whileRunning: WhileRunning,
): AdmissionDecision | null {
  if (!output || steeredRun(state, whileRunning) === null) return null;
  const name = JSON.stringify(state.key.session);
  return refuse(
    'invalid_request',
    `The message would join the run in progress in the session ${name}, whose answer cannot have another schema. Send it with whileRunning "enqueue", or without "output".`,
  );
}

function full(state: AdmissionState, message: IncomingMessage, whileRunning: WhileRunning): AdmissionDecision | null {
  const { key, open } = state;
  const name = JSON.stringify(key.session);
  const waiting = open.filter((run) => run.status === 'queued').length;
  const steers = steeredRun(state, whileRunning) !== null;
  if (!steers && waiting >= LIMITS.queuedRuns.value) {
    return refuse(
      'queue_full',
      `The queue of the session ${name} is full: ${waiting} runs are waiting; the limit is ${LIMITS.queuedRuns.value}. Send the message again when some runs have ended.`,
    );
  }
  const bytes = open.reduce((sum, run) => sum + run.bytes, messageBytes(message));
  if (bytes <= LIMITS.queuedBytes.value) return null;
  const limit = LIMITS.queuedBytes.value;
  return refuse(
    'queue_full',
    `With this message, ${bytes} bytes would be waiting in the session ${name}; the limit is ${limit}. Send the message again when some runs have ended.`,
  );
}

function overBudget(
  { request, accounts, at }: AdmissionState,
  message: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (accounts.length === 0) return null;
  const least = request.budget?.leastOf(agent, message);
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
