import { formatDuration } from '../text/format-duration.ts';
import type { RunDetail, RunError } from '../../contracts/session/run.ts';
import type { SessionSnapshot } from '../../contracts/session/session.ts';
import type { SessionWhy } from '../../contracts/why.ts';

export interface SessionFacts {
  readonly snapshot: SessionSnapshot;
  /** The current run, otherwise the first queued one, otherwise the newest; null if there is none. */
  readonly run: RunDetail | null;
  /** Number of workers that polled the task queue recently; null if Temporal is unreachable. */
  readonly workers: number | null;
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
  const { snapshot, run, workers, now } = facts;
  const { id, status, queue, currentRun, waitingFor } = snapshot;
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
    workers,
    text: [
      opening(facts),
      ...detail(facts),
      ...timing(waitingFor.what, until, now),
      ...lastFailure(facts),
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

function opening({ snapshot, now }: SessionFacts): string {
  const { id, status, waitingFor } = snapshot;
  const { what, who, since } = waitingFor;
  const ago = `since ${since} (${formatDuration(Math.max(0, Date.parse(now) - Date.parse(since)))} ago)`;
  const session = `The session ${id} is ${status}`;
  switch (what) {
    case 'nothing':
      return `${session} and waits for nothing, ${ago}: it accepts no more messages.`;
    case 'message':
      return `${session} and waits for a message from ${who}, ${ago}. Nothing is stuck.`;
    case 'worker':
      return `${session} and waits for a worker, ${ago}.`;
    case 'model':
      return `${session} and waits for the model ${who}, ${ago}.`;
    case 'tool':
      return `${session} and waits for the tool ${who}, ${ago}.`;
    case 'rate_limit':
      return `${session} and waits for ${who}, ${ago}: its limits are reached.`;
    case 'circuit':
      return `${session} and waits for ${who}, ${ago}: its last calls failed, and its circuit is open.`;
    case 'cool_down':
      return `${session} and waits for ${who}, ${ago}: it reported too many requests.`;
  }
}

function detail({ snapshot, run, workers }: SessionFacts): string[] {
  const { currentRun, queue, waitingFor } = snapshot;
  const sentences: string[] = [];
  const step = run?.stepList.at(-1);
  if (currentRun !== null && run !== null) {
    const attempt = step && !step.committed && step.attempts > 1 ? `, attempt ${step.attempts}` : '';
    sentences.push(`It is at ${step ? `step ${step.step}${attempt}` : 'the start'} of the run ${run.id}.`);
  }
  const waiting = queue.length - (currentRun === null ? 1 : 0);
  if (waiting > 0) sentences.push(`${waiting === 1 ? 'One run waits' : `${waiting} runs wait`} behind it.`);
  const needsWorker = ['worker', 'model', 'tool'].includes(waitingFor.what);
  if (needsWorker && workers === null)
    sentences.push('Temporal is unreachable, so it is unknown whether a worker is running.');
  if (needsWorker && workers === 0) sentences.push('No worker is polling; the session continues once one does.');
  if (waitingFor.what === 'worker' && workers !== null && workers > 0) {
    sentences.push(
      workers === 1
        ? 'One worker is polling; it takes the task as soon as it is free.'
        : `${workers} workers are polling; the first free one takes the task.`,
    );
  }
  return sentences;
}

function timing(what: string, until: string | null, now: string): string[] {
  if (until === null) return [];
  // The end of a wait for a provider is an estimate: the provider may be unavailable for longer.
  const isEstimate = ['rate_limit', 'circuit', 'cool_down'].includes(what);
  const leftMs = Date.parse(until) - Date.parse(now);
  if (what === 'message' && leftMs > 0)
    return [`Without one it expires at ${until} (${formatDuration(leftMs)} from now).`];
  return [
    leftMs > 0
      ? `This lasts until ${isEstimate ? `about ${until}` : `${until} at the latest`} (${formatDuration(leftMs)} from now).`
      : `This was due at ${until}.`,
  ];
}

function lastFailure({ snapshot, run }: SessionFacts): string[] {
  const idle = snapshot.currentRun === null && snapshot.queue.length === 0;
  if (!idle || run === null || run.error === null) return [];
  return [`Its last run, ${run.id}, failed (${run.error.code}): ${run.error.detail}`];
}

/** Returns the commands and events that end the wait. */
function remedy({ snapshot, workers, limits, run }: SessionFacts): string[] {
  const { id, waitingFor } = snapshot;
  const cancel = `\`perdure cancel ${id}\` stops the run.`;
  const noWorker =
    workers === 0 ? ['Start one with `perdure worker` (or `npm start`); `perdure doctor` checks what is missing.'] : [];
  switch (waitingFor.what) {
    case 'nothing':
      return ['Use another session.'];
    case 'message':
      return [
        ...(snapshot.status === 'active' ? [] : ['A message reopens it.']),
        ...(run?.error ? resumeAdvice(id, run.id, run.error) : []),
      ];
    case 'worker':
      return [...noWorker, 'Waiting for a worker never times out.', cancel];
    case 'model':
      return [
        ...noWorker,
        `The run may take ${formatDuration(limits.runTimeoutMs)} of working time; a failed call is retried.`,
        cancel,
      ];
    case 'tool':
      return [
        ...noWorker,
        ...(limits.toolTimeoutMs === null
          ? []
          : [`One try of the tool may take ${formatDuration(limits.toolTimeoutMs)}.`]),
        cancel,
      ];
    default:
      return [
        `It continues by itself; the run fails when one call has waited for ${formatDuration(limits.maxWaitMs)} (policy maxWaitMs).`,
        cancel,
      ];
  }
}

/** How to continue after a failed run. The error's detail already names a budget's reset and who can raise it. */
function resumeAdvice(session: string, run: string, { code }: RunError): string[] {
  const when = code === 'budget_exceeded' ? 'Once the budget allows it, ' : '';
  return [
    `${when}\`perdure resume ${session} ${run}\` continues it after its last completed step.`,
    `\`perdure why ${run}\` shows what happened.`,
  ];
}
