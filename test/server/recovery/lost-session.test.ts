import { afterAll, beforeAll, expect, test } from 'vitest';
import { endsRun } from '../../../contracts/events/event-traits.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { send } from '../../store/conversation.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
let calls = 0;

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    lostSessions: { everyMs: 100, quietForMs: 300 },
    model: (request, { signal }) => {
      calls += 1;
      if (!lastUserMessage(request).startsWith('hold') || calls > 1) return 'yes';
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

test('a run whose workflow was terminated goes on by itself, and is answered once', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hold it' });
  await stack.until(key, (events) => events.some(({ type }) => type === 'run.started'));
  await stack.client.workflow.getHandle(workflowIdOf(key)).terminate('lost');
  const events = await stack.ended(key);
  expect(events).toContainEqual(expect.objectContaining({ type: 'session.recovered', reason: 'workflow_lost' }));
  expect(events.filter(({ type }) => endsRun(type))).toMatchObject([{ type: 'run.completed', output: 'yes' }]);
});

test('a one-off run whose workflow was terminated goes on by itself', async () => {
  calls = 0;
  const key = stack.key('run-held');
  await stack.sender.submitRun(key, { content: 'hold it' });
  await stack.until(key, (events) => events.some(({ type }) => type === 'run.started'));
  await stack.client.workflow.getHandle(`:run:${workflowIdOf(key)}`).terminate('lost');
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'yes' });
});

test('a run that the store has and its running workflow never heard of is answered', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  await stack.ended(key);
  // As by a workflow whose task was lost, with the update that it was to answer, after the store had the message.
  await send(stack.db, key, { id: 'm2', content: 'and again' });
  const events = await stack.ended(key, 2);
  expect(events.filter(({ type }) => endsRun(type))).toMatchObject([{ output: 'yes' }, { output: 'yes' }]);
  expect(events.filter(({ type }) => type === 'session.recovered')).toEqual([]);
});
