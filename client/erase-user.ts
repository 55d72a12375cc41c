import type { Erasure } from '../contracts/admin/erasure.ts';
import { ERRORS, PerdureError } from '../contracts/errors.ts';
import { GatewayUnreachableError } from './http/gateway-unreachable-error.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import { retryUnreachable } from './http/retry-unreachable.ts';
import { sleep } from './http/sleep.ts';

const POLL_MS = 500;
/** How long the report may be out of reach, as while a gateway restarts: as long as a stream reconnects. */
const AWAY_MS = 300_000;

export interface EraseOptions {
  /** Ends the waiting, not the erasure. The promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called with each report that is read while the erasure is in progress, about twice a second. */
  readonly onProgress?: ((erasure: Erasure) => void) | undefined;
}

/**
 * Erases everything that is stored of a user, and resolves with the report when it has ended. Follows the erasure that is in
 * progress, if there is one. Needs a worker. Reads the report again while the gateway or the store is away, for up to 5 minutes.
 */
export async function eraseUser(
  gateway: Pick<GatewayClient, 'erase' | 'erasure'>,
  user: string,
  { signal, onProgress = () => {} }: EraseOptions = {},
): Promise<Erasure> {
  signal?.throwIfAborted();
  let erasure = await retryUnreachable(() => gateway.erase(user));
  let readAt = Date.now();
  while (erasure.endedAt === null) {
    onProgress(erasure);
    await sleep(POLL_MS, signal);
    try {
      erasure = await gateway.erasure(erasure.id);
      readAt = Date.now();
    } catch (error) {
      if (!mayPass(error) || Date.now() - readAt > AWAY_MS) throw error;
    }
  }
  return erasure;
}

function mayPass(error: unknown): boolean {
  if (error instanceof GatewayUnreachableError) return true;
  return error instanceof PerdureError && ERRORS[error.code].retryable;
}
