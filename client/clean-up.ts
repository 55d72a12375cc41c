import type { Sweep, SweepRecord } from '../contracts/maintenance.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import type { CleanOrder } from './http/queries.ts';
import { sleep } from './http/sleep.ts';
import { isNotFound } from './retry-until-found.ts';

const POLL_MS = 300;

/**
 * Starts a clean-up and resolves, when it has finished, with its report and the first page of its actions. Needs a
 * worker. `onProgress` is called with each intermediate report, and with null until a worker has started the clean-up.
 */
export async function cleanUp(
  gateway: GatewayClient,
  order: CleanOrder,
  onProgress: (sweep: SweepRecord | null) => void = () => {},
): Promise<Sweep> {
  const { sweepId } = await gateway.clean(order);
  for (;;) {
    const sweep = await gateway.sweep(sweepId, { limit: 1 }).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      throw error;
    });
    if (sweep !== null && sweep.endedAt !== null) return await gateway.sweep(sweepId);
    onProgress(sweep);
    await sleep(POLL_MS);
  }
}
