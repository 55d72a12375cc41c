import type { ErrorCode } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { WhileRunning } from '../../contracts/session/message.ts';
import { exceeded, factsOf, refusalText, budgetRetryAfterMs } from '../../core/money/budget.ts';
import { usdOf } from '../../core/money/price.ts';
import type { AdmissionDecision, AdmissionState, IncomingMessage } from './admission-request.ts';

/** Why a message is not taken; null when it is. Refusals are not remembered. */
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
    `The content takes ${bytes} bytes; the limit is ${LIMITS.messageBytes.value}. Send less at once.`,
  );
}

function ended({ key, admission, session }: AdmissionState): AdmissionDecision | null {
  if (session && session.row.kind !== admission.kind) {
    return refuse(
      'invalid_request',
      `The id ${JSON.stringify(key.session)} is that of a ${session.row.kind === 'run' ? 'run without a session' : 'session'}. Use another one.`,
    );
  }
  if (admission.kind === 'run' && session && session.row.messages > 0) {
    return refuse(
      'invalid_request',
      `The run ${JSON.stringify(key.session)} has its message. Use a session to send more than one.`,
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
  { key, admission, session }: AdmissionState,
  message: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (session && message.agent !== undefined && message.agent !== agent) {
    const detail = `The session ${JSON.stringify(key.session)} belongs to the agent ${JSON.stringify(agent)}, not to ${JSON.stringify(message.agent)}. Leave the agent out, or use another session id.`;
    return refuse('invalid_request', detail);
  }
  if (admission.knowsAgent(agent)) return null;
  return refuse(
    'invalid_request',
    `There is no agent ${JSON.stringify(agent)}. \`perdure agents\` lists those there are.`,
  );
}

function busy({ key, open }: AdmissionState, whileRunning: WhileRunning): AdmissionDecision | null {
  if (whileRunning !== 'reject' || open.length === 0) return null;
  const name = JSON.stringify(key.session);
  return refuse(
    'run_in_progress',
    `A run is in progress in the session ${name}. Send again when it is over, or with whileRunning "enqueue".`,
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
      `${waiting} runs wait in the session ${name}, as many as may. Send again when some are over.`,
    );
  }
  const bytes = open.reduce((sum, run) => sum + run.bytes, Buffer.byteLength(content));
  if (bytes <= LIMITS.queuedBytes.value) return null;
  const limit = LIMITS.queuedBytes.value;
  return refuse(
    'queue_full',
    `With this message ${bytes} bytes would wait in the session ${name}; the limit is ${limit}. Send again when some runs are over.`,
  );
}

function overBudget(
  { admission, accounts, at }: AdmissionState,
  { content }: IncomingMessage,
  agent: string,
): AdmissionDecision | null {
  if (accounts.length === 0) return null;
  const least = admission.budget?.leastOf(agent, content);
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
