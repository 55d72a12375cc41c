import type { TemporalSender } from '../../client/temporal/temporal-sender.ts';
import { PerdureError } from '../../contracts/errors.ts';
import type { SessionKey } from '../../contracts/session/session-key.ts';

const RETRY_AFTER_MS = 1_000;

/** Does a user's work within the limit; throws `rate_limited` and does nothing beyond it. */
export type UpdateLimit = <T>(key: SessionKey, work: () => Promise<T>) => Promise<T>;

/** Creates the limit of the messages and commands of each user that are in progress at once. */
export function createUpdateLimit(perUser: number): UpdateLimit {
  const inFlight = new Map<string, number>();
  return async ({ user }, work) => {
    const before = inFlight.get(user) ?? 0;
    if (before >= perUser) {
      throw new PerdureError(
        'rate_limited',
        `You have ${before} messages and commands in progress at this gateway, which is the limit (limits.updatesPerUser). This one was not sent. Try again.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    inFlight.set(user, before + 1);
    try {
      return await work();
    } finally {
      const left = (inFlight.get(user) ?? 1) - 1;
      if (left === 0) inFlight.delete(user);
      else inFlight.set(user, left);
    }
  };
}

/** Bounds the commands of each user that wait for a worker. */
export function limitUpdates(sender: TemporalSender, within: UpdateLimit): TemporalSender {
  const bounded: Partial<TemporalSender> = {
    open: (key, input) => within(key, () => sender.open(key, input)),
    update: (key, input) => within(key, () => sender.update(key, input)),
    resume: (key, input) => within(key, () => sender.resume(key, input)),
    end: (key, input) => within(key, () => sender.end(key, input)),
  };
  // Inherits the others. Not bounded are cancel and cancelRun, which must work when much else is in progress.
  return Object.assign(Object.create(sender) as TemporalSender, bounded);
}
