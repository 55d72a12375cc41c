import { activityInfo, ApplicationFailure } from '@temporalio/activity';

/** In a rolling deploy a worker that is still old may meet what only a new one has. It is looked for on others for a minute. */
const TRIES = 30;

/** Whether this activity may still be left to a worker that has what is missing here. */
export function othersMayHaveIt(): boolean {
  return activityInfo().attempt < TRIES;
}

/** Leaves an activity to another worker, or fails it when none has what is missing. `what` names it. */
export function leaveToOthers(what: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'invalid_request',
    message: `This worker has no ${what}.`,
    nonRetryable: !othersMayHaveIt(),
    nextRetryDelay: 2_000,
  });
}
