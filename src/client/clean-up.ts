import { setTimeout as delay } from 'node:timers/promises';
import type { Sweep } from '../contracts/maintenance.ts';
import type { CleanOrder, GatewayClient } from './gateway-client.ts';
import { isNotFound } from './when-there.ts';

/** Between two looks at a report. */
const LOOK_MS = 300;

/** Begins a clean-up and resolves with its report when it is over: the first page of what it did. Needs a worker. */
export async function cleanUp(gateway: GatewayClient, order: CleanOrder): Promise<Sweep> {
  const { sweepId } = await gateway.clean(order);
  for (;;) {
    const sweep = await gateway.sweep(sweepId).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      throw error;
    });
    if (sweep !== null && sweep.endedAt !== null) return sweep;
    await delay(LOOK_MS);
  }
}
