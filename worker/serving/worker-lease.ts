import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { packageVersion } from '../../assets/package-files.ts';
import { LIMITS } from '../../contracts/limits.ts';
import {
  endLeasesOfOthers,
  endWorkerLease,
  removeOldWorkers,
  renewWorkerLease,
  type WorkerLease,
} from '../../store/admin/workers/worker-lease.ts';
import type { Db } from '../../store/db/db.ts';

const RENEW_MS = 1_000;

/** A container's processes often have the same number and host, so it contains a random part. */
const THIS_PROCESS = `${process.pid}@${hostname()}-${randomBytes(4).toString('hex')}`;
let workers = 0;

/** The identity of a worker in Temporal and in the store. A process may have more than one. */
export function newWorkerId(): string {
  workers += 1;
  return `${THIS_PROCESS}-${workers}`;
}

/** Ends the leases of all other processes. The caller's must be the only one that can use the store. */
export async function endOtherLeases(db: Db): Promise<void> {
  await endLeasesOfOthers(db, THIS_PROCESS);
}

export interface LeaseOptions {
  readonly workerId: string;
  readonly taskQueue: string;
  readonly buildId?: string | undefined;
  /** Whether the worker polls. */
  readonly takesWork: () => boolean;
  /** The runs that it has begun, which gateways read. */
  readonly begun: () => WorkerLease['begun'];
  /** Whether no other process can use the store, so that every other lease is one of a process that has ended. */
  readonly isAlone: boolean;
  /**
   * Each is called after each renewal, unless its last call is in progress. `mayJudge`: whether the leases of others that have run
   * out did not do so because the store was away.
   */
  readonly onRenewed: readonly ((signal: AbortSignal, mayJudge: boolean) => Promise<void>)[];
}

export interface HeldLease {
  renew(): Promise<void>;
  /** Whether the lease has run out because the store does not respond. */
  isCutOff(): boolean;
  stop(): Promise<void>;
}

/**
 * Holds the lease of a worker: takes it, and renews it every second until `stop`. Others take over the sessions of a worker
 * whose lease has run out. A failed renewal is repeated a second later. Renewals do not wait for a free connection: a worker
 * that is busy is not lost.
 */
export async function holdWorkerLease(
  db: Db,
  { workerId, taskQueue, buildId, takesWork, begun, isAlone, onRenewed }: LeaseOptions,
): Promise<HeldLease> {
  const worker = { workerId, taskQueue, buildId, version: packageVersion() };
  const stopped = new AbortController();
  let renewing: Promise<void> | null = null;
  const following = new Map<(typeof onRenewed)[number], Promise<void>>();
  /** Since when every renewal has succeeded in time. */
  let heldSinceMs = isAlone ? Number.NEGATIVE_INFINITY : performance.now();
  let renewedMs = performance.now();
  let hasFailed = false;

  const follow = (): void => {
    if (stopped.signal.aborted) return;
    const mayJudge = performance.now() - heldSinceMs >= LIMITS.workerLeaseMs.value;
    for (const act of onRenewed) {
      if (following.has(act)) continue;
      const acting = act(stopped.signal, mayJudge)
        .catch(() => {})
        .finally(() => following.delete(act));
      following.set(act, acting);
    }
  };
  const renewOnce = async (): Promise<void> => {
    try {
      await renewWorkerLease(db.urgent ?? db, { ...worker, begun: begun(), draining: !takesWork() });
    } catch {
      hasFailed = true;
      return;
    }
    hasFailed = false;
    const now = performance.now();
    // The other workers may have been unable to renew theirs, too.
    if (!isAlone && now - renewedMs > LIMITS.workerLeaseMs.value) heldSinceMs = now;
    renewedMs = now;
    follow();
  };
  const renew = (): Promise<void> =>
    (renewing ??= renewOnce().finally(() => {
      renewing = null;
    }));

  await renewWorkerLease(db, { ...worker, begun: begun(), draining: false });
  if (isAlone) await endOtherLeases(db);
  await removeOldWorkers(db).catch(() => {});
  follow();
  const timer = setInterval(() => void renew(), RENEW_MS).unref();
  return {
    async renew() {
      await renewing;
      await renew();
    },
    isCutOff: () => hasFailed && !isAlone && performance.now() - renewedMs > LIMITS.workerLeaseMs.value,
    async stop() {
      clearInterval(timer);
      stopped.abort();
      await renewing;
      await Promise.all(following.values());
      await endWorkerLease(db, workerId).catch(() => {});
    },
  };
}
