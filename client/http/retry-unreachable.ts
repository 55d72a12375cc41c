import { GatewayUnreachableError } from './gateway-unreachable-error.ts';
import { sleep } from './sleep.ts';

/** Pauses before the second and the third attempt: enough for a gateway that restarts behind a load balancer. */
const PAUSES_MS = [250, 1_000];

/**
 * Repeats a call whose connection failed, at most twice. Use it only for requests that are safe to repeat, such as a
 * message with an id. A timeout is not repeated.
 */
export async function retryUnreachable<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const pauseMs = PAUSES_MS[attempt];
      if (pauseMs === undefined || !(error instanceof GatewayUnreachableError) || error.timedOut) throw error;
      await sleep(pauseMs * (0.5 + Math.random() / 2));
    }
  }
}
