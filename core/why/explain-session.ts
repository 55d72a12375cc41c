import { formatDuration } from '../text/format-duration.ts';
import { noWorker, pendingSentence, START_WORKER } from './no-worker.ts';
import type { RunDetail, RunError } from '../../contracts/session/run.ts';
import type { Retry, SessionSnapshot } from '../../contracts/session/session.ts';
import type { SessionWhy } from '../../contracts/why.ts';

export interface SessionFacts {
  readonly snapshot: SessionSnapshot;
  /** The current run, otherwise the first queued one, otherwise the newest; null if there is none. */
  readonly run: RunDetail | null;
  /** Number of workers that take work; null if Temporal is unreachable. */
  readonly workers: number | null;
  /** When a worker was last seen; null when none was of late. Default: null. */
  readonly workerLastSeenAt?: string | null;
  /** Number of accepted messages that no worker has processed. Default: 0. */
  readonly pending?: number;
  /** The workflow task of the session, if it keeps failing: failed attempts, and since when. Null or absent otherwise. */
  readonly failingTask?: { readonly attempts: number; readonly since: string | null } | null;
  /** Limits of the policy: the run's working time, one call's wait for its provider, and one try of the running tool (null if none runs). */
  readonly limits: {
    readonly runTimeoutMs: number;
    readonly maxWaitMs: number;
    readonly toolTimeoutMs: number | null;
  };
  readonly now: string;
}

/** Explains what a session waits for, since when, who can unblock it and when it times out. Pure. */
export function explainSession(facts: SessionFacts): SessionWhy {
  const { snapshot, run, workers, workerLastSeenAt = null, pending = 0, now } = facts;
  const { id, status, queue, currentRun, waitingFor } = snapshot;
  const retry = currentRun?.retry ?? null;
  const hasRun = currentRun !== null || queue.length > 0;
  const until = waitingFor.until ?? untilOf(facts);
  return {
    sessionId: id,
    status,
    asOf: now,
    waitingFor: { ...waitingFor, until },
    runId: hasRun ? (run?.id ?? null) : null,
    step: hasRun ? (run?.stepList.at(-1)?.step ?? null) : null,
    attempt: hasRun ? (run?.stepList.at(-1)?.attempts ?? null) : null,
    queued: queue.length,
    pending,
    retry,
    workers,
    workerLastSeenAt,
    text: [
      opening(facts),
      ...detail(facts),
      ...failingTask(facts),
      ...timing(waitingFor.what, until, now),
      ...remedy(facts),
    ].join(' '),
  };
}

function untilOf({ snapshot, run, limits }: SessionFacts): string | null {
  const call = run?.toolCalls.find(({ status }) => status === 'running');
  if (snapshot.waitingFor.what !== 'tool' || !call?.startedAt || call.attempts > 1) return null;
  return limits.toolTimeoutMs === null
    ? null
    : new Date(Date.parse(call.startedAt) + limits.toolTimeoutMs).toISOString();
}

function opening(facts: SessionFacts): string {
  const { snapshot, now, pending = 0 } = facts;
  const { id, status, waitingFor } = snapshot;
  const { what, who, since } = waitingFor;
  const ago = `since ${since} (${formatDuration(Math.max(0, Date.parse(now) - Date.parse(since)))} ago)`;
  const session = `The session ${id} is ${status}`;
  switch (what) {
    case 'nothing':
      return `${session} and waits for nothing, ${ago}: it accepts no more messages.`;
    case 'message': {
      if (pending > 0) return `${session}. ${capitalised(pendingSentence(pending))}.`;
      const failed = failedRun(facts);
      const waits = `waits for a message from ${who}, ${ago}.`;
      if (failed !== null) return `The last run of the session ${id} ${failed} The session is ${status} and ${waits}`;
      return `${session} and ${waits}${facts.workers === 0 ? '' : ' Nothing is stuck.'}`;
    }
    case 'worker':
      return `${session} and waits for a worker, ${ago}.`;
    case 'model':
      return `${session} and waits for the model ${who}, ${ago}.`;
    case 'tool':
      return `${session} and waits for the tool ${who}, ${ago}.`;
    case 'approval':
      return `${session} and waits for an approval of the tool ${toolOf(snapshot)} by ${who}, ${ago}.`;
    case 'client':
    case 'context':
      return `${session} and waits for ${who}, ${ago}.`;
    case 'paused':
      return `${session} and waits for ${who}, ${ago}.`;
    case 'rate_limit':
      return `${session} and waits for ${who}, ${ago}: its limits are reached.`;
    case 'circuit':
      return `${session} and waits for ${who}, ${ago}: its last calls failed, so calls are paused (its circuit is open).`;
    case 'cool_down':
      return `${session} and waits for ${who}, ${ago}: it reported too many requests.`;
  }
}

function detail(facts: SessionFacts): string[] {
  const { snapshot, run, workers } = facts;
  const { currentRun, queue, waitingFor } = snapshot;
  const sentences: string[] = [];
  const step = run?.stepList.at(-1);
  if (currentRun !== null && run !== null) {
    const attempt = step && !step.committed && step.attempts > 1 ? `, attempt ${step.attempts}` : '';
    sentences.push(`It is at ${step ? `step ${step.step}${attempt}` : 'the start'} of the run ${run.id}.`);
  }
  const waiting = queue.length - (currentRun === null ? 1 : 0);
  if (waiting > 0) sentences.push(`${waiting === 1 ? 'One run waits' : `${waiting} runs wait`} behind it.`);
  const { retry = null } = currentRun ?? {};
  if (waitingFor.what === 'model' && retry !== null) sentences.push(retrySentence(retry, facts.now));
  const needsWorker = ['worker', 'model', 'tool', 'context'].includes(waitingFor.what);
  if (needsWorker && workers === null)
    sentences.push('Temporal is unreachable, so it is unknown whether a worker is running.');
  if (workers === 0 && waitingFor.what !== 'nothing') sentences.push(noWorker(facts, needsWorker));
  if (waitingFor.what === 'worker' && workers !== null && workers > 0) {
    sentences.push(
      workers === 1
        ? 'One worker is polling; it takes the task as soon as it is free.'
        : `${workers} workers are polling; the first free one takes the task.`,
    );
  }
  return sentences;
}

function failingTask({ failingTask: task }: SessionFacts): string[] {
  if (!task) return [];
  const since = task.since === null ? '' : ` since ${task.since}`;
  return [
    `It cannot continue: its workflow task has failed ${task.attempts} times${since}. The log of a worker has the cause ("Workflow tasks of a session fail"); docs/operations.md has the remedies.`,
  ];
}

function timing(what: string, until: string | null, now: string): string[] {
  if (until === null) return [];
  // The end of a wait for a provider is an estimate: the provider may be unavailable for longer.
  const isEstimate = ['rate_limit', 'circuit', 'cool_down'].includes(what);
  const leftMs = Date.parse(until) - Date.parse(now);
  if (what === 'approval' || what === 'client')
    return [`Without an answer it expires at ${until} (${formatDuration(Math.max(0, leftMs))} from now).`];
  if (what === 'message' && leftMs > 0)
    return [`Without one it expires at ${until} (${formatDuration(leftMs)} from now).`];
  return [
    leftMs > 0
      ? `This lasts until ${isEstimate ? `about ${until}` : `${until} at the latest`} (${formatDuration(leftMs)} from now).`
      : `This was due at ${until}.`,
  ];
}

/** How the last run failed; null when the session has an open run, or its last run did not fail. */
function failedRun({ snapshot, run }: SessionFacts): string | null {
  const idle = snapshot.currentRun === null && snapshot.queue.length === 0;
  if (!idle || run === null || run.error === null) return null;
  return `failed (${run.error.code}): ${run.error.detail}`;
}

function retrySentence({ attempt, code, retryAt }: Retry, now: string): string {
  const failed = `Attempt ${attempt} of this model call failed (${code})`;
  if (retryAt === null) return `${failed}; it is retried.`;
  const leftMs = Date.parse(retryAt) - Date.parse(now);
  return leftMs > 0
    ? `${failed}; the next one begins in ${formatDuration(leftMs)}.`
    : `${failed}; it is being retried.`;
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** Returns the commands and events that end the wait. */
function remedy({ snapshot, workers, limits, run }: SessionFacts): string[] {
  const { id, waitingFor } = snapshot;
  const cancel = `\`perdure cancel ${id}\` stops the run.`;
  const start = workers === 0 ? [START_WORKER] : [];
  switch (waitingFor.what) {
    case 'nothing':
      return ['Use another session.'];
    case 'message':
      return [
        ...start,
        ...(snapshot.status === 'active' ? [] : ['A message reopens it.']),
        ...(run?.error ? resumeAdvice(id, run.id, run.error) : []),
      ];
    case 'worker':
      return [...start, 'Waiting for a worker never times out.', cancel];
    case 'model':
      return [
        ...start,
        `The run may take ${formatDuration(limits.runTimeoutMs)} of working time; a failed call is retried.`,
        cancel,
      ];
    case 'tool':
      return [
        ...start,
        ...(limits.toolTimeoutMs === null
          ? []
          : [`One try of the tool may take ${formatDuration(limits.toolTimeoutMs)}.`]),
        cancel,
      ];
    case 'approval':
    case 'client':
      return [...answerAdvice(snapshot), cancel];
    case 'context':
      return [
        ...start,
        'A call that exceeds its timeout is repeated, at most as often as the provider allows.',
        cancel,
      ];
    case 'paused':
      return [
        ...start,
        'It goes on by itself within half a minute when an operator removes the pause (`perdure unpause`).',
        cancel,
      ];
    default:
      return [
        ...start,
        `It continues by itself; the run fails when one call has waited for ${formatDuration(limits.maxWaitMs)} (policy maxWaitMs).`,
        cancel,
      ];
  }
}

function toolOf({ approvals = [] }: SessionSnapshot): string {
  return approvals[0]?.tool ?? 'that it calls';
}

/** The commands that answer what the session waits for. */
function answerAdvice({ approvals = [], clientCalls = [] }: SessionSnapshot): string[] {
  const items = [...approvals, ...clientCalls];
  const [item] = items;
  if (!item) return [];
  const more = items.length === 1 ? [] : [`${items.length} calls wait for an answer: \`perdure inbox\` lists them.`];
  if (item.tool === 'ask_user') return [`\`perdure answer ${item.id} TEXT\` answers its question.`, ...more];
  if (item.kind === 'client') return [`\`perdure answer ${item.id} --result JSON\` hands in its result.`, ...more];
  return [`\`perdure approve ${item.id}\` or \`perdure reject ${item.id}\` decides.`, ...more];
}

/** How to continue after a failed run. The error's detail already names a budget's reset and who can raise it. */
function resumeAdvice(session: string, run: string, { code }: RunError): string[] {
  const when = code === 'budget_exceeded' ? 'Once the budget allows it, ' : '';
  return [
    `${when}\`perdure resume ${session} ${run}\` continues it after its last completed step.`,
    `\`perdure why ${run}\` shows what happened.`,
  ];
}
