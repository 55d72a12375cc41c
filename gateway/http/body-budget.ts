import { PerdureError } from '../../contracts/errors.ts';

/** The memory for bodies that a gateway is receiving. */
export interface BodyBudget {
  /** Throws `rate_limited` when the bodies of all requests together would exceed the budget. */
  take(bytes: number): void;
  release(bytes: number): void;
}

/** Creates a budget of `maxBytes` bytes, one for each gateway. */
export function createBodyBudget(maxBytes: number): BodyBudget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > maxBytes) {
        throw new PerdureError(
          'rate_limited',
          `This gateway is receiving ${maxBytes} bytes of request bodies, which is its limit. Try again, or use another gateway.`,
          { retryAfterMs: 2_000 },
        );
      }
      held += bytes;
    },
    release(bytes) {
      held -= bytes;
    },
  };
}
