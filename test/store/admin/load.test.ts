import { expect, test } from 'vitest';
import { readLoad } from '../../../store/admin/workers/read-load.ts';
import { endWorkerLease, renewWorkerLease } from '../../../store/admin/workers/worker-lease.ts';
import { beginModel, newKey, send } from '../conversation.ts';
import { DATABASES, describeStores } from '../../support/store/databases.ts';

describeStores(DATABASES, (db) => {
  test('the load is the runs that have not begun, by user, and what each worker has begun', async () => {
    const [ann, bob] = [newKey('load ann'), newKey('load bob')];
    const { runId } = await send(db(), ann, { id: 'm1', content: 'one' });
    await send(db(), ann, { id: 'm2', content: 'two' });
    await send(db(), bob, { id: 'm1', content: 'one' });
    await beginModel(db(), ann, runId);
    const worker = { workerId: 'w1', taskQueue: 'perdure', version: '1', draining: false };
    await renewWorkerLease(db(), { ...worker, begun: { runs: 1, measured: 1, waitedMs: 5 } });
    await renewWorkerLease(db(), { ...worker, begun: { runs: 7, measured: 6, waitedMs: 90 } });
    // A worker that has just stopped has begun runs, too.
    await endWorkerLease(db(), 'w1');
    // Of a version that does not report it.
    await db().query(
      `INSERT INTO perdure.workers (worker_id, task_queue, version, started_at, renewed_at, expires_at)
       SELECT 'old', 'perdure', '0', at, at, at FROM (SELECT clock_timestamp() AS at) AS now`,
      [],
    );
    const { waiting, begun } = await readLoad(db());
    expect([waiting.get(ann.user), waiting.get(bob.user)]).toEqual([1, 1]);
    expect(begun.get('w1')).toEqual({ runs: 7, measured: 6, waitedMs: 90 });
    expect(begun.get('old')).toBeNull();
  });
});
