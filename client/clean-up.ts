import { setTimeout as delay } from 'node:timers/promises';
import type { Sweep, SweepRecord } from '../contracts/maintenance.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import type { CleanOrder } from './http/queries.ts';
import { isNotFound } from './when-there.ts';

/** Between two looks at a report. */
const LOOK_MS = 300;

/**
 * Begins a clean-up and resolves with its report when it is over: the first page of what it did. Needs a worker.
 * `onLook` hears how it is while it goes on; null: no worker has taken it yet.
 */
export async function cleanUp(
  gateway: GatewayClient,
  order: CleanOrder,
  onLook: (sweep: SweepRecord | null) => void = () => {},
): Promise<Sweep> {
  const { sweepId } = await gateway.clean(order);
  for (;;) {
    const sweep = await gateway.sweep(sweepId, { limit: 1 }).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      throw error;
    });
    if (sweep !== null && sweep.endedAt !== null) return await gateway.sweep(sweepId);
    onLook(sweep);
    await delay(LOOK_MS);
  }
}
