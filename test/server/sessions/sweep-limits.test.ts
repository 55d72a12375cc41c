import { expect, onTestFinished, test } from 'vitest';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { readSweep } from '../../../store/admin/sweeps/read-sweeps.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const keys = (user: string, count: number): SessionKey[] =>
  Array.from({ length: count }, (_, n) => ({ user, session: `s${n}` }));

test('a sweep expires the sessions idle longest until each user has as many active as may be, and all have', async () => {
  const db = await openMemoryStore();
  onTestFinished(async () => await db.close());
  const [ann, bob, cid] = [keys('ann', 8), keys('bob', 3), keys('cid', 3)];
  for (const key of [...bob, ...ann, ...cid]) {
    await getOrCreateSession(db, key, { agent: 'assistant', kind: 'session', execution: null });
  }
  await using stack = await startStack({
    temporal: await testTemporal(),
    model: () => 'yes',
    db,
    deployment: { limits: { activePerUser: 4, active: 8, evictIdleMs: 0 } },
  });
  const swept = async (user: string, request: object) => {
    const id = await stack.sender.clean(user, request);
    await stack.client.workflow.getHandle(`:maintenance:${id}`).result();
    return await readSweep(db, user, id);
  };
  const active = async (of: readonly SessionKey[]) => {
    const records = await Promise.all(of.map(async (key) => await readSession(db, key)));
    return records.flatMap((record) => (record?.status === 'active' ? [record.id] : []));
  };
  expect(await swept('ann', { olderMs: 86_400_000 })).toMatchObject({ seen: 8, counts: {} });
  const reason = 'session_limit: idle longest, and at most 4 sessions per user may be active (limits activePerUser)';
  const idle = ['s0', 's1', 's2', 's3'].map((session) => ({ session, action: 'expired', reason }));
  expect(await swept('ann', { dryRun: true })).toMatchObject({ seen: 8, counts: { expired: 4 }, actions: idle });
  expect(await active(ann)).toHaveLength(8);
  expect(await swept('ann', {})).toMatchObject({ seen: 8, counts: { expired: 4 }, actions: idle });
  expect(await active(ann)).toEqual(['s4', 's5', 's6', 's7']);
  // Hers only: of the others, with whom there are more than 8, the schedule's sweep makes those expire that were idle longest.
  expect(await active([...bob, ...cid])).toHaveLength(6);
  await stack.client.workflow.execute('maintenance', { workflowId: 'of-all', taskQueue: stack.taskQueue });
  expect(await active(bob)).toEqual(['s2']);
  expect(await active([...ann, ...cid])).toHaveLength(7);
  const last = (await stack.events(bob[0] as SessionKey)).at(-1);
  expect(last).toMatchObject({
    type: 'session.expired',
    reason: 'session_limit: idle longest, and at most 8 sessions in total may be active (limits active)',
  });
});
