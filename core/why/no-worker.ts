import { formatDuration } from '../text/format-duration.ts';

interface WorkerFacts {
  /** When a worker was last seen; null when none was of late. Default: null. */
  readonly workerLastSeenAt?: string | null;
  /** Number of accepted messages that no worker has processed. Default: 0. */
  readonly pending?: number;
  readonly now: string;
}

/** How to start a worker. */
export const START_WORKER =
  'Start one with `perdure worker` (or `npm start`); `perdure doctor` checks what is missing.';

/** States that no worker is polling, and what that means. `continues`: a run is in progress or waits. */
export function noWorker({ workerLastSeenAt = null, pending = 0, now }: WorkerFacts, continues: boolean): string {
  const seen =
    workerLastSeenAt === null
      ? ''
      : ` (the last one was seen ${formatDuration(Math.max(0, Date.parse(now) - Date.parse(workerLastSeenAt)))} ago)`;
  const then = continues
    ? 'the session continues once one does'
    : pending > 0
      ? 'the answer comes once one does'
      : 'a message would wait until one does';
  return `No worker is polling${seen}; ${then}.`;
}

/** States that accepted messages wait for a worker. */
export function pendingSentence(pending: number): string {
  return pending === 1 ? 'one accepted message waits for a worker' : `${pending} accepted messages wait for a worker`;
}
