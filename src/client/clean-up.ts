import { setTimeout as delay } from 'node:timers/promises';
import type { CleanRequest, Sweep } from '../contracts/maintenance.ts';
import type { GatewayClient } from './gateway-client.ts';
import { isNotFound } from './when-there.ts';

/** Between two looks at a report. */
const LOOK_MS = 300;

/** Begins a clean-up of the user's sessions and resolves with its report when it is over. Needs a worker. */
export async function cleanUp(gateway: GatewayClient, request: CleanRequest): Promise<Sweep> {
  const { sweepId } = await gateway.clean(request);
  for (;;) {
    const sweep = await gateway.sweep(sweepId).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      throw error;
    });
    if (sweep !== null && sweep.endedAt !== null) return sweep;
    await delay(LOOK_MS);
  }
}
