import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTemporalSender } from '../../../client/temporal/temporal-sender.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { pathOf } from '../../support/gateway/http-calls.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    model: ({ messages }) => `saw ${messages.filter(({ role }) => role === 'user').length}`,
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** A gateway before the stack, as one user sees it. */
function asking({ user }: Pick<SessionKey, 'user'>) {
  const { call } = startGateway(stack.db, { sender: stack.sender, live: stack.live });
  return async (method: string, path: string, body?: unknown) => {
    const response = await call(method, path, body, { 'perdure-user': user, prefer: 'wait=60' });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as Record<string, unknown>) };
  };
}

/** A session of so many messages, each of them answered. */
async function conversed(
  messages: number,
  name = 'trip',
): Promise<{ key: SessionKey; ask: ReturnType<typeof asking> }> {
  const key = stack.key(name);
  const ask = asking(key);
  for (let n = 1; n <= messages; n += 1) {
    const { body } = await ask('POST', pathOf(name, 'messages'), { id: `m${n}`, content: `message ${n}` });
    expect(body).toMatchObject({ answer: `saw ${n}` });
  }
  return { key, ask };
}

/** Whether Temporal has no execution of the session, the newest one included. */
async function isForgotten(key: SessionKey): Promise<boolean> {
  const newest = await stack.client.workflow
    .getHandle(workflowIdOf(key))
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return null;
      throw error;
    });
  if (newest !== null) return false;
  for await (const _ of stack.client.workflow.list({ query: `PerdureUser = '${key.user}'` })) return false;
  return true;
}

test('a short session is deleted by default, and a long one archived: its row stays, its content is refused', async () => {
  const { ask: short } = await conversed(1);
  expect(await short('DELETE', pathOf('trip'))).toEqual({ status: 204, body: null });
  expect((await short('GET', pathOf('trip'))).status).toBe(404);

  const { ask: long } = await conversed(6);
  expect((await long('DELETE', pathOf('trip'))).status).toBe(204);
  expect((await long('GET', pathOf('trip'))).body).toMatchObject({ status: 'archived', messages: 6 });
  expect(await long('GET', pathOf('trip', 'transcript'))).toMatchObject({
    status: 409,
    body: { code: 'session_archived' },
  });
  expect((await long('GET', pathOf('trip', 'export'))).body).toMatchObject({ session: { messages: 6 } });
});

test('archive=true archives a short session too, and a message brings it back with what was said', async () => {
  const { ask } = await conversed(1);
  expect((await ask('DELETE', `${pathOf('trip')}?archive=true`)).status).toBe(204);
  expect((await ask('GET', pathOf('trip'))).body).toMatchObject({ status: 'archived' });
  // Again: it is archived once.
  expect((await ask('DELETE', `${pathOf('trip')}?archive=true`)).status).toBe(204);
  const back = await ask('POST', pathOf('trip', 'messages'), { id: 'm2', content: 'still there?' });
  expect(back.body).toMatchObject({ answer: 'saw 2' });
  const first = await ask('POST', pathOf('trip', 'messages'), { id: 'm1', content: 'message 1' });
  expect(first.body).toMatchObject({ answer: 'saw 1' });
});

test('archive=false keeps nothing of a long session, nor of an archived one, its executions in Temporal included', async () => {
  const forgotten: SessionKey[] = [];
  for (const archivedFirst of [false, true]) {
    const { key, ask } = await conversed(6);
    if (archivedFirst) await ask('DELETE', pathOf('trip'));
    const { body } = await ask('GET', pathOf('trip'));
    expect(body).toMatchObject({ status: archivedFirst ? 'archived' : 'active' });
    expect((await ask('DELETE', `${pathOf('trip')}?archive=false`)).status).toBe(204);
    expect((await ask('GET', pathOf('trip'))).status).toBe(404);
    expect((await ask('GET', '/v1/sessions')).body).toMatchObject({ data: [] });
    for (const table of ['sessions', 'events', 'messages', 'runs', 'steps', 'model_calls', 'archives']) {
      const rows = await stack.db.query(`SELECT 1 FROM perdure.${table} WHERE user_id = $1`, [key.user]);
      expect([table, rows.length]).toEqual([table, 0]);
    }
    forgotten.push(key);
  }
  // Temporal deletes when it has written down that they ended: every 30 s.
  for (const key of forgotten) await expect.poll(() => isForgotten(key), { timeout: 90_000 }).toBe(true);
}, 200_000);

async function* nothing(): AsyncGenerator<never> {}

test('an execution that Temporal’s list does not show yet is forgotten too', async () => {
  const { key } = await conversed(1);
  const workflow = Object.create(stack.client.workflow, { list: { value: nothing } }) as Client['workflow'];
  const blind = Object.create(stack.client, { workflow: { value: workflow } }) as Client;
  await createTemporalSender({ client: blind, taskQueue: stack.taskQueue }).deleteExecutions(key);
  await expect.poll(() => isForgotten(key), { timeout: 90_000 }).toBe(true);
}, 120_000);

test('a deleted session is not there to be deleted again, and starts afresh: no memory, and old message ids are new', async () => {
  for (const query of ['', '?archive=false']) {
    const { ask } = await conversed(2);
    expect((await ask('DELETE', `${pathOf('trip')}${query}`)).status).toBe(204);
    expect(await ask('DELETE', `${pathOf('trip')}${query}`)).toMatchObject({
      status: 404,
      body: { code: 'not_found', detail: expect.stringContaining('"trip"') },
    });
    const { body } = await ask('POST', pathOf('trip', 'messages'), { id: 'm1', content: 'another first message' });
    expect(body).toMatchObject({ receipt: { messageId: 'm1', disposition: 'started' }, answer: 'saw 1' });
    expect((await ask('GET', pathOf('trip'))).body).toMatchObject({ status: 'active', messages: 1 });
  }
});

test('another user’s session cannot be deleted, archived or forgotten, and goes on', async () => {
  const { key, ask } = await conversed(1);
  const eve = asking({ user: `${key.user}-eve` });
  for (const query of ['', '?archive=true', '?archive=false']) {
    const refused = await eve('DELETE', `${pathOf('trip')}${query}`);
    expect(refused).toMatchObject({ status: 404, body: { code: 'not_found' } });
  }
  const { body } = await ask('POST', pathOf('trip', 'messages'), { id: 'm2', content: 'still there?' });
  expect(body).toMatchObject({ answer: 'saw 2' });
});

test('a value of archive that is none is refused, and nothing is removed', async () => {
  const { ask } = await conversed(1);
  for (const value of ['maybe', '', '0']) {
    expect(await ask('DELETE', `${pathOf('trip')}?archive=${value}`)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining('archive') },
    });
  }
  expect((await ask('GET', pathOf('trip'))).body).toMatchObject({ status: 'active' });
});

test('a change that meets the deletion of its session is made, or finds no session', async () => {
  for (let round = 0; round < 12; round += 1) {
    const { ask } = await conversed(1, `raced-${round}`);
    const path = pathOf(`raced-${round}`);
    const [changed, deleted] = await Promise.all([
      ask('PATCH', path, { metadata: { round } }),
      ask('DELETE', `${path}?archive=false`),
    ]);
    expect(deleted.status).toBe(204);
    expect([200, 404]).toContain(changed.status);
  }
});
