import { activityInfo, ApplicationFailure } from '@temporalio/activity';

/** How often an activity is retried for lack of code: for about a minute, while a rolling deploy replaces old workers. */
const MAX_ATTEMPTS = 30;

/** Whether the activity may still be retried on another worker, which may have what this one lacks. */
export function mayRetryWhereCodeExists(): boolean {
  return activityInfo().attempt < MAX_ATTEMPTS;
}

/** The failure that retries the activity on another worker, or ends it after the last attempt. `missing` names what this worker lacks. */
export function retryWhereCodeExists(missing: string): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'invalid_request',
    message: `This worker has no ${missing}.`,
    nonRetryable: !mayRetryWhereCodeExists(),
    nextRetryDelay: 2_000,
  });
}
