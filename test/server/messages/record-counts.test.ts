import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: () => 'ok' });
});
afterAll(() => stack[Symbol.asyncDispose]());

test('a Temporal client records counts by an update or a signal, once per key, and a refused signal leaves a record', async () => {
  const key = stack.key();
  await stack.sender.open(key, {});
  const session = stack.client.workflow.getHandle(workflowIdOf(key));
  const update = async (input: object) => await session.executeUpdate('recordCounts', { args: [input] });
  expect(await update({ key: 'a', requests: 2 })).toMatchObject({ recorded: true, counts: { requests: 2 } });
  expect(await update({ key: 'a', requests: 2 })).toMatchObject({ recorded: false, counts: { requests: 2 } });
  await expect(update({ key: 'a', requests: 3 })).rejects.toMatchObject({ cause: { type: 'idempotency_conflict' } });
  await session.signal('recordCounts', { key: 'b', requests: 5 });
  await session.signal('recordCounts', { requests: 'many' });
  const events = await stack.until(key, (all) => all.some(({ type }) => type === 'message.refused'));
  expect(events.at(-1)).toMatchObject({ type: 'message.refused', code: 'invalid_request' });
  expect(await update({ key: 'b', requests: 5 })).toMatchObject({ recorded: false, counts: { requests: 7 } });
});
