import { expect, test } from 'vitest';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { deleteSession } from '../../../store/sessions/delete-session.ts';
import { getOrCreateSession } from '../../../store/sessions/get-or-create-session.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** What Temporal says of a session's workflow once it has closed; times out while it is open. */
async function closed(stack: Stack, key: SessionKey): Promise<string> {
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  const status = async () => (await handle.describe()).status.name;
  await expect.poll(status, { timeout: 10_000 }).not.toBe('RUNNING');
  return await status();
}

async function converse(stack: Stack, key: SessionKey, messages: number): Promise<void> {
  for (let n = 1; n <= messages; n += 1) {
    await stack.sender.submit(key, { content: `${n}` });
    await stack.ended(key, n);
  }
}

test('the workflows of sessions that a sweep deletes, archives or expires complete, and the next message finds a new one', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    model: () => 'yes',
    deployment: { limits: { activePerUser: 1, evictIdleMs: 0 }, policy: { archiveOverMessages: 1 } },
  });
  const sweep = async (user: string, request: object) => {
    const id = await stack.sender.clean(user, request);
    await stack.client.workflow.getHandle(`:maintenance:${id}`).result();
  };
  const [small, large, crowded] = [stack.key(), stack.key(), stack.key()];
  await converse(stack, small, 1);
  await converse(stack, large, 2);
  for (const { user } of [small, large]) await sweep(user, { idleMs: 0 });
  expect([await closed(stack, small), await closed(stack, large)]).toEqual(['COMPLETED', 'COMPLETED']);
  await converse(stack, crowded, 1);
  await getOrCreateSession(
    stack.db,
    { ...crowded, session: 'newer' },
    { agent: 'assistant', kind: 'session', execution: null },
  );
  await sweep(crowded.user, {});
  expect(await closed(stack, crowded)).toBe('COMPLETED');
  expect((await stack.events(crowded)).at(-1)).toMatchObject({ type: 'session.expired' });
  await converse(stack, small, 1);
  expect((await stack.events(small))[0]).toMatchObject({ seq: 1, type: 'session.opened' });
  await stack.sender.submit(large, { content: 'again' });
  expect(await stack.ended(large, 3)).toContainEqual(
    expect.objectContaining({ type: 'session.recovered', reason: 'restored' }),
  );
});

test('the workflow of a session that makes room for another completes', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    model: () => 'yes',
    deployment: { limits: { activePerUser: 2, evictIdleMs: 0 } },
  });
  const { user } = stack.key();
  const [first, second, third] = ['one', 'two', 'three'].map((session) => ({ user, session })) as [
    SessionKey,
    SessionKey,
    SessionKey,
  ];
  await converse(stack, first, 1);
  await stack.sender.open(second, {});
  const expired = stack.until(first, (events) => events.at(-1)?.type === 'session.expired');
  await converse(stack, third, 1);
  await expired;
  expect(await closed(stack, first)).toBe('COMPLETED');
  await stack.sender.open({ user, session: 'four' }, {});
  expect(await closed(stack, second)).toBe('COMPLETED');
});

test('a message right after its session was deleted is answered in a session that starts afresh, whatever its old workflow hears', async () => {
  await using stack = await startStack({ temporal: await testTemporal(), model: () => 'yes' });
  const key = stack.key();
  await converse(stack, key, 1);
  await deleteSession(stack.db, key);
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  const told = [1, 2, 3].map(async () => await handle.signal('lookAtLife'));
  await Promise.all([...told, stack.sender.submit(key, { content: 'afresh' })]);
  const events = await stack.ended(key);
  expect(events[0]).toMatchObject({ seq: 1, type: 'session.opened' });
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
  expect(events.map(({ type }) => type)).not.toContain('session.recovered');
});
