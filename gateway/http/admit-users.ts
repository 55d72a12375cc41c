import { PerdureError } from '../../contracts/errors.ts';
import { isOperator, type Caller } from './caller.ts';
import { createRateLimit } from './rate-limit.ts';

/**
 * Throws `rate_limited` for a user whose requests exceed `perSecond` on average. `authenticated`: operators are exempt; without
 * authentication every caller is one.
 */
export function admitUsers(perSecond: number, authenticated: boolean): (caller: Caller) => void {
  const limit = createRateLimit(perSecond * 60);
  return (caller) => {
    const waitMs = authenticated && isOperator(caller) ? 0 : limit.take(caller.user);
    if (waitMs === 0) return;
    const message = `You send more than ${perSecond} requests per second to this gateway, which is the limit (limits.requestsPerSecondPerUser). Send fewer, or try again.`;
    throw new PerdureError('rate_limited', message, { retryAfterMs: waitMs });
  };
}
