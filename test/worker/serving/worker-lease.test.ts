import { expect, onTestFinished, test, vi } from 'vitest';
import type { Db } from '../../../store/db/db.ts';
import { describeStores } from '../../support/store/databases.ts';
import { holdWorkerLease, newWorkerId } from '../../../worker/serving/worker-lease.ts';

test('a worker is cut off from the store once its lease has run out because renewals fail, until one succeeds', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  let isAway = false;
  const query = (): Promise<never[]> => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([]));
  const db: Db = {
    kind: 'postgres',
    query,
    attempt: query,
    transaction: () => Promise.reject(new Error('none')),
    close: () => Promise.resolve(),
  };
  const lease = await holdWorkerLease(db, {
    workerId: newWorkerId(),
    taskQueue: 'any',
    takesWork: () => true,
    begun: () => ({ runs: 0, measured: 0, waitedMs: 0 }),
    isAlone: false,
    onRenewed: [],
  });
  const after = async (ms: number): Promise<boolean> => {
    await vi.advanceTimersByTimeAsync(ms);
    await lease.renew();
    return lease.isCutOff();
  };
  expect(await after(10_000)).toBe(false);
  isAway = true;
  expect(await after(2_000)).toBe(false);
  expect(await after(2_000)).toBe(true);
  isAway = false;
  expect(await after(1_000)).toBe(false);
  await lease.stop();
});

/** More than a store has connections. */
const TRANSACTIONS = 30;

describeStores(['postgres'], (db) => {
  test('a lease is renewed while no connection is free', async () => {
    const workerId = newWorkerId();
    const lease = await holdWorkerLease(db(), {
      workerId,
      taskQueue: 'any',
      takesWork: () => true,
      begun: () => ({ runs: 0, measured: 0, waitedMs: 0 }),
      isAlone: false,
      onRenewed: [],
    });
    onTestFinished(() => lease.stop());
    const renewedAt = async (read: { query: ReturnType<typeof db>['query'] }) =>
      (
        await read.query<{ at: string }>('SELECT renewed_at AS at FROM perdure.workers WHERE worker_id = $1', [
          workerId,
        ])
      )[0]?.at ?? '';
    const before = await renewedAt(db());
    const done = Promise.withResolvers<void>();
    const first = Promise.withResolvers<{ query: ReturnType<typeof db>['query'] }>();
    const busy = Promise.all(
      Array.from({ length: TRANSACTIONS }, () =>
        db()
          .transaction(async (tx) => {
            first.resolve(tx);
            await done.promise;
          })
          .catch(() => {}),
      ),
    );
    const tx = await first.promise;
    await lease.renew();
    expect(Date.parse(await renewedAt(tx))).toBeGreaterThan(Date.parse(before));
    done.resolve();
    await busy;
  });
});
