import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ControlSnapshot } from '../../../contracts/session/session.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { readSession } from '../../../store/read/read-session.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { historyOf } from '../../support/temporal/raw-temporal.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: (request) => lastUserMessage(request) });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** The number of activities that the session's workflow has scheduled. */
async function activities(key: SessionKey): Promise<number> {
  const events = await historyOf(stack.client, workflowIdOf(key));
  return events.filter((event) => event.activityTaskScheduledEventAttributes).length;
}

test('the messages over HTTP that follow an answer are answered by the activity that gave it', async () => {
  const gateway = createGateway({ ...stack, agents: registry([{ name: 'assistant' }], []) });
  const key = stack.key();
  const answered: (string | null)[] = [];
  for (const content of ['one', 'two', 'three']) {
    const response = await gateway.app.request(`/v1/sessions/${key.session}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'perdure-user': key.user, prefer: 'wait=30' },
      body: JSON.stringify({ content }),
    });
    answered.push(((await response.json()) as { answer: string | null }).answer);
  }
  await gateway.close();
  expect(answered).toEqual(['one', 'two', 'three']);
  expect(await readSession(stack.db, key)).toMatchObject({ runs: 3, errors: 0 });
  expect(await activities(key)).toBe(1);
});

test('each message of a Temporal client has an activity of its own, so that the workflow can be queried for its end', async () => {
  const key = stack.key();
  const session = stack.client.workflow.getHandle(workflowIdOf(key));
  for (const runsEnded of [1, 2]) {
    await stack.sender.submit(key, { content: `message ${runsEnded}` });
    await expect.poll(() => session.query<ControlSnapshot>('session')).toMatchObject({ runsEnded, currentRun: null });
  }
  expect(await activities(key)).toBe(2);
});

test('a message of a Temporal client makes an activity that lingers return', async () => {
  const gateway = createGateway({ ...stack, agents: registry([{ name: 'assistant' }], []) });
  const key = stack.key();
  await gateway.app.request(`/v1/sessions/${key.session}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'perdure-user': key.user, prefer: 'wait=30' },
    body: JSON.stringify({ content: 'over HTTP' }),
  });
  await gateway.close();
  await stack.sender.submit(key, { content: 'through Temporal' });
  const session = stack.client.workflow.getHandle(workflowIdOf(key));
  await expect
    .poll(() => session.query<ControlSnapshot>('session'))
    .toMatchObject({ runsEnded: 2, currentRun: null, queue: [] });
});
