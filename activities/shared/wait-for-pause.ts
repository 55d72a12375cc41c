import { ApplicationFailure } from '@temporalio/activity';
import type { Pause } from '../../contracts/admin/pause.ts';
import { pausedWhat } from '../../core/pauses/describe-pause.ts';
import { pauseDelayMs } from '../../core/pauses/pause-delay.ts';

/**
 * The failure of an activity whose work is paused. Temporal retries it after a delay; until then it occupies no worker. The
 * reason of the pause is a text of an operator, which stays out of the history.
 */
export function waitForPause(pause: Pause): ApplicationFailure {
  return ApplicationFailure.create({
    type: 'paused',
    message: `An operator has paused ${pausedWhat(pause)} since ${pause.since}.`,
    nextRetryDelay: pauseDelayMs(pause, Date.now(), Math.random()),
    category: 'BENIGN',
  });
}
