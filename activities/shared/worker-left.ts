import { ApplicationFailure } from '@temporalio/activity';

/** Not a failure of the run: Temporal retries at once, on any worker. */
export function workerLeft(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'worker_left', message, nextRetryDelay: 100 });
}
