import type { SessionWhy } from '../../contracts/why.ts';
import { noWorker, pendingSentence, START_WORKER } from './no-worker.ts';

/** What there is to say about a session that does not exist yet, because no worker has processed its messages. Pure. */
export function explainPendingSession(facts: {
  readonly sessionId: string;
  readonly pending: number;
  readonly since: string | null;
  readonly workers: number | null;
  readonly workerLastSeenAt: string | null;
  readonly now: string;
}): SessionWhy {
  const { sessionId, pending, since, workers, workerLastSeenAt, now } = facts;
  const unknown = 'Temporal is unreachable, so it is unknown whether a worker is running.';
  const polling =
    workers === 1 ? 'One worker is polling; it takes them' : `${workers} workers are polling; one of them takes them`;
  const worker =
    workers === null
      ? unknown
      : workers === 0
        ? `${noWorker(facts, false)} ${START_WORKER}`
        : `${polling} as soon as it is free.`;
  return {
    sessionId,
    status: null,
    asOf: now,
    waitingFor: { what: 'worker', since: since ?? now, who: 'a worker', until: null },
    runId: null,
    step: null,
    attempt: null,
    queued: 0,
    pending,
    retry: null,
    workers,
    workerLastSeenAt,
    text: `The session ${sessionId} does not exist yet: ${pendingSentence(pending)}${since === null ? '' : `, since ${since}`}. ${worker}`,
  };
}
