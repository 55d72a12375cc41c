import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { MAINTENANCE_SCHEDULE } from '../../../contracts/names.ts';
import type { Db } from '../../../store/db/db.ts';
import { readSweep } from '../../../store/admin/sweeps/read-sweeps.ts';
import { openMemoryStore } from '../../support/store/memory-store.ts';
import { readPeriods } from '../../../store/budgets/read-periods.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { startStack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** Sessions of a user, idle for 40 days; every other has more than 5 messages. */
async function generate(db: Db, user: string, count: number): Promise<void> {
  await db.query(
    `INSERT INTO perdure.sessions (user_id, session_id, kind, status, agent, metadata, state, policy, head, messages, runs,
       errors, last_ordinal, created_at, updated_at, last_active_at, opened_at)
     SELECT $1, 's' || lpad(n::text, 5, '0'), 'session', 'expired', 'assistant', '{}', '{}', '{}', 1, 4 + 2 * (n % 2), 0,
            0, 0, t, t, t, t
       FROM generate_series(1, $2::integer) n, (SELECT now() - interval '40 days' AS t) at`,
    [user, count],
  );
  await db.query(
    `INSERT INTO perdure.events (user_id, session_id, seq, type, at, data)
     SELECT user_id, session_id, 1, 'session.opened', created_at, '{"agent": "assistant"}'
       FROM perdure.sessions WHERE user_id = $1`,
    [user],
  );
}

/** Several pages. The long version has thousands. */
const SESSIONS = Number(process.env['PERDURE_TEST_SESSIONS'] ?? 1_500);

test(
  'a sweep over many sessions goes on on another worker, reports those that cannot be archived, and finishes',
  { timeout: 280_000 },
  async () => {
    const store = await openMemoryStore();
    const archives = {
      write: async (_id: string, data: Buffer) => {
        const { id } = JSON.parse(gunzipSync(data).toString()) as { id: string };
        if (id.endsWith('7')) throw new Error('The disk is full.');
      },
      read: async () => Buffer.alloc(0),
      remove: async () => {},
    };
    const db: Db = { ...store, archives };
    onTestFinished(async () => await store.close());
    await generate(db, 'many', SESSIONS);
    await using stack = await startStack({ temporal: await testTemporal(), model: () => 'yes', db });
    const id = await stack.sender.clean('many', {});
    const done = async () => (await readSweep(db, 'many', id))?.seen ?? 0;
    await expect.poll(done, { timeout: 60_000 }).toBeGreaterThan(400);
    await stack.stopWorker();
    expect((await readSweep(db, 'many', id))?.endedAt).toBeNull();
    await stack.startWorker();
    await stack.client.workflow.getHandle(`:maintenance:${id}`).result();
    const sweep = await readSweep(db, 'many', id);
    // Ids that end with 7 are odd: every one of them would have been archived.
    expect(sweep?.counts).toEqual({ deleted: SESSIONS / 2, archived: SESSIONS * 0.4, error: SESSIONS * 0.1 });
    expect(sweep?.endedAt).not.toBeNull();
    expect(sweep?.actions).toContainEqual(
      expect.objectContaining({
        session: 's00007',
        action: 'error',
        reason: expect.stringContaining('The disk is full.'),
      }),
    );
    const left = await db.query(`SELECT status, count(*)::int AS n FROM perdure.sessions GROUP BY 1 ORDER BY 1`, []);
    expect(left).toEqual([
      { status: 'archived', n: SESSIONS * 0.4 },
      { status: 'expired', n: SESSIONS * 0.1 },
    ]);
  },
);

test('a dry run says what would be done and does nothing; a clean-up on demand takes active sessions, of one user only', async () => {
  await using stack = await startStack({ temporal: await testTemporal(), model: () => 'yes' });
  const [mine, other] = [stack.key(), stack.key()];
  for (const key of [mine, other]) {
    await stack.sender.submit(key, { content: 'hello' });
    await stack.ended(key);
  }
  const sweepOf = async (request: object) => {
    const id = await stack.sender.clean(mine.user, request);
    await stack.client.workflow.getHandle(`:maintenance:${id}`).result();
    return await readSweep(stack.db, mine.user, id);
  };
  expect(await sweepOf({ idleMs: 0, dryRun: true })).toMatchObject({ counts: { deleted: 1 }, dryRun: true });
  expect((await readSession(stack.db, mine))?.status).toBe('active');
  expect(await sweepOf({ idleMs: 3_600_000 })).toMatchObject({ seen: 1, counts: {} });
  expect(await sweepOf({ idleMs: 0 })).toMatchObject({ actions: [{ session: 'main', action: 'deleted' }] });
  expect(await readSession(stack.db, mine)).toBeNull();
  expect((await readSession(stack.db, other))?.status).toBe('active');
  await stack.sender.submit(mine, { content: 'afresh' });
  expect((await stack.ended(mine))[0]).toMatchObject({ seq: 1, type: 'session.opened' });
});

test('two workers make one schedule, every 6 hours, that starts a sweep', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    model: () => 'yes',
    schedules: true,
    worker: false,
  });
  const workers = await Promise.all([stack.startWorker(), stack.startWorker()]);
  const handle = stack.client.schedule.getHandle(`${MAINTENANCE_SCHEDULE}:${stack.taskQueue}`);
  const { spec, policies } = await handle.describe();
  expect(spec.intervals).toMatchObject([{ every: 6 * 3_600_000 }]);
  expect(policies.overlap).toBe('SKIP');
  await handle.trigger();
  const swept = async () => await stack.db.query(`SELECT 1 FROM perdure.sweeps WHERE ended_at IS NOT NULL`, []);
  await expect.poll(swept, { timeout: 30_000 }).toHaveLength(1);
  await handle.delete();
  await Promise.all(workers.map((worker) => worker.stop()));
});

test('maintenance releases what was set aside for a model call of a run that is over, and the session says so', async () => {
  const db = await openMemoryStore();
  onTestFinished(async () => await db.close());
  await using stack = await startStack({ temporal: await testTemporal(), model: () => 'yes', db });
  const key = stack.key();
  const old = { ...key, session: 'old' };
  for (const one of [key, old]) {
    await stack.sender.submit(one, { content: 'hello' });
    await stack.ended(one);
  }
  // As a worker leaves it that dies between its reservation and its report, while another way ends the run.
  await db.query(
    `UPDATE perdure.model_calls
        SET outcome = 'running', held_nanos = 5000, reserved_nanos = 5000, started_at = now() - interval '1 hour'
      WHERE user_id = $1`,
    [key.user],
  );
  await db.query(
    `UPDATE perdure.sessions SET last_active_at = now() - interval '40 days', status = 'expired'
      WHERE user_id = $1 AND session_id = 'old'`,
    [key.user],
  );
  await db.query(`UPDATE perdure.runs SET ended_at = now() - interval '11 minutes' WHERE user_id = $1`, [key.user]);
  await stack.client.workflow.execute('maintenance', {
    workflowId: `maintenance-${key.user}`,
    taskQueue: stack.taskQueue,
  });
  const events = await stack.events(key);
  expect(events.at(-1)).toMatchObject({ type: 'budget.released', reservedUsd: 0.000005 });
  // That of a session which the same sweep deletes is no longer charged either.
  expect(await readSession(db, old)).toBeNull();
  const { month } = await readPeriods(db, key.user, new Date().toISOString().slice(0, 10));
  expect(month.reservedNanos).toBe(0);
});

test('a maintenance workflow that is started by hand with times and without a scope deletes nothing, and fails with the remedy', async () => {
  await using stack = await startStack({ temporal: await testTemporal(), model: () => 'yes' });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  const run = async (name: string, input: object): Promise<unknown> =>
    await stack.client.workflow.execute('maintenance', {
      workflowId: `${name}-${key.user}`,
      taskQueue: stack.taskQueue,
      args: [input],
    });
  const failure = await run('unscoped', { request: { idleMs: 0 } }).catch((error: unknown) => error);
  expect(JSON.stringify(failure, ['cause', 'message'])).toContain(
    'Add \\"user\\": \\"NAME\\" for the sessions of one user',
  );
  expect(await readSession(stack.db, key)).not.toBeNull();
  await run('scoped', { user: key.user, request: { idleMs: 0 } });
  expect(await readSession(stack.db, key)).toBeNull();
});
