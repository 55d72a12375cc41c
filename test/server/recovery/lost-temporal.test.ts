import { expect, test } from 'vitest';
import { MAINTENANCE_SCHEDULE } from '../../../contracts/names.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startStack } from '../../support/stack.ts';
import { privateTemporal } from '../../support/temporal/temporal-server.ts';

test('a Temporal server rebuilt without data, namespace and search attributes is set up again by the running workers, and every session goes on', async () => {
  await using server = await privateTemporal({ namespace: 'sessions' });
  const held = heldModel(() => 'done');
  await using stack = await startStack({
    temporal: server.address,
    namespace: 'sessions',
    model: held.model,
    schedules: true,
    lostSessions: { everyMs: 300, quietForMs: 500, overdueMs: 100 },
  });
  const [working, idle] = [stack.key('working'), stack.key('idle')];
  await stack.sender.open(idle, { policy: { idleTimeoutMs: 5_000 } });
  await stack.sender.submit(working, { content: 'hold it' });
  await held.call('hold it');
  await stack.sender.submit(working, { content: 'a second one' });

  await server.kill();
  await server.restartEmpty();

  (await held.call('hold it')).answer('first');
  const events = await stack.ended(working, 2);
  expect(events.flatMap((event) => (event.type === 'run.completed' ? [event.output] : []))).toEqual(['first', 'done']);
  // Nobody sends it a message: only its lost timer would have expired it.
  await stack.until(idle, (all) => all.some(({ type }) => type === 'session.expired'));
  const schedule = stack.client.schedule.getHandle(`${MAINTENANCE_SCHEDULE}:${stack.taskQueue}`);
  await expect
    .poll(
      () =>
        schedule.describe().then(
          ({ scheduleId }) => scheduleId,
          () => null,
        ),
      { timeout: 30_000 },
    )
    .not.toBeNull();
}, 180_000);

test('a worker that starts after the namespace was lost creates it again, and none that its sessions never used', async () => {
  await using server = await privateTemporal({ namespace: 'sessions' });
  await using stack = await startStack({
    temporal: server.address,
    namespace: 'sessions',
    model: () => 'yes',
    lostSessions: { everyMs: 300, quietForMs: 300 },
  });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  await stack.stopWorker();
  await server.kill();
  await server.restartEmpty();

  await stack.startWorker();
  // The server itself takes a few seconds to notice a new namespace.
  const send = () =>
    stack.sender.submit(key, { id: 'again', content: 'and again' }).then(
      () => 'sent',
      (error: Error) => error.message,
    );
  await expect.poll(send, { timeout: 30_000 }).toBe('sent');
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ type: 'run.completed', output: 'yes' });

  const other = startStack({ temporal: server.address, namespace: 'typo', model: () => 'yes' });
  await expect(other).rejects.toThrow(/typo/);
}, 120_000);
