import type { Workers } from '../../contracts/worker.ts';
import { readWorkers } from '../../store/admin/workers/read-workers.ts';
import type { GatewayDeps } from './gateway-deps.ts';

/**
 * Counts the workers that take work: those with a lease in the store, and those of older versions, which have none, by their
 * polls, which Temporal lists for more than a minute after the worker has died.
 */
export async function countWorkers({ db, sender }: Pick<GatewayDeps, 'db' | 'sender'>): Promise<Workers> {
  const [leases, pollers] = await Promise.all([readWorkers(db, sender.taskQueue), sender.pollers().catch(() => null)]);
  const lastSeenAt = leases[0]?.renewedAt ?? null;
  if (pollers === null) return { polling: null, lastSeenAt };
  const leased = new Set(leases.map(({ workerId }) => workerId));
  const withoutLease = pollers.filter((identity) => !leased.has(identity));
  return { polling: leases.filter(({ takesWork }) => takesWork).length + withoutLease.length, lastSeenAt };
}

/** Whether a worker takes work. True when that is unknown. */
export async function hasWorkers(deps: Pick<GatewayDeps, 'db' | 'sender'>): Promise<boolean> {
  const leases = await readWorkers(deps.db, deps.sender.taskQueue);
  return leases.some(({ takesWork }) => takesWork) || (await countWorkers(deps)).polling !== 0;
}
