import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { endWorkerLease, renewWorkerLease } from '../../../store/admin/workers/worker-lease.ts';
import { acquireLease, releaseLease, saveLeaseState } from '../../../store/admin/leases/leases.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';

describeStores(DATABASES, (db) => {
  test('of many workers one gets a lease, and the next one continues from its state', async () => {
    const name = randomUUID();
    const requests = Array.from({ length: 8 }, (_, index) => ({ name, holder: `w${index}`, ttlMs: 60_000 }));
    const states = await Promise.all(requests.map((request) => acquireLease(db(), request)));
    const held = requests.filter((_, index) => states[index] !== null);
    expect(held).toHaveLength(1);
    const [first] = held as [(typeof requests)[0]];
    expect(await acquireLease(db(), first)).toEqual({});
    await saveLeaseState(db(), first, { after: 7 });

    const next = { name, holder: 'next', ttlMs: 60_000 };
    expect(await acquireLease(db(), next)).toBeNull();
    await releaseLease(db(), first);
    expect(await acquireLease(db(), next)).toEqual({ after: 7 });
    await saveLeaseState(db(), first, { after: 1 });
    expect(await acquireLease(db(), next)).toEqual({ after: 7 });
  });

  test('a lease that was not renewed goes to another worker', async () => {
    const name = randomUUID();
    await acquireLease(db(), { name, holder: 'dead', ttlMs: -1 });
    expect(await acquireLease(db(), { name, holder: 'alive', ttlMs: 60_000 })).toEqual({});
  });

  test('a lease of a worker whose own lease has ended goes to another worker', async () => {
    const name = randomUUID();
    const begun = { runs: 0, measured: 0, waitedMs: 0 };
    const worker = { workerId: randomUUID(), taskQueue: name, version: '1.0.0', begun, draining: false };
    await renewWorkerLease(db(), worker);
    const next = { name, holder: 'next', ttlMs: 60_000 };
    await acquireLease(db(), { ...next, holder: worker.workerId });
    expect(await acquireLease(db(), next)).toBeNull();
    await endWorkerLease(db(), worker.workerId);
    expect(await acquireLease(db(), next)).toEqual({});
  });
});
