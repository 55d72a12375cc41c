import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWorkflowIdOf, workflowIdOf } from '../../../contracts/session/session-key.ts';
import { listAllSessions } from '../../../store/admin/reports/list-all-sessions.ts';
import { listSessions } from '../../../store/read/lists/list-sessions.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
const held = heldModel();

beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model: held.model });
});
afterAll(() => stack[Symbol.asyncDispose]());

const newRun = () => stack.key(`run-${randomUUID()}`);

test('a one-off run has the id of its rows, is answered, and its workflow is over with it', async () => {
  const key = newRun();
  const receipt = await stack.sender.submitRun(key, { content: 'hello' });
  expect(receipt).toMatchObject({ runId: key.session, disposition: 'started', position: 0 });
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', runId: key.session, output: 'echo hello' });
  await stack.client.workflow.getHandle(runWorkflowIdOf(key)).result();
  expect(failedTasks(await historyOf(stack.client, runWorkflowIdOf(key)))).toEqual([]);
  expect(await readRun(stack.db, key, key.session)).toMatchObject({ status: 'completed', output: 'echo hello' });
});

test('one-off runs are no sessions: no list shows them', async () => {
  const key = newRun();
  await stack.sender.submitRun(key, { content: 'hello' });
  await stack.ended(key);
  const session = { ...key, session: 'main' };
  await stack.sender.submit(session, { content: 'hello' });
  await stack.ended(session);
  expect((await listSessions(stack.db, key.user, { limit: 10 })).data.map(({ id }) => id)).toEqual(['main']);
  const all = await listAllSessions(stack.db, { limit: 200 });
  expect(all.data.map(({ id }) => id)).not.toContain(key.session);
});

test('the same message again gives the same receipt, also when the run is over; another one is refused', async () => {
  const key = newRun();
  const receipt = await stack.sender.submitRun(key, { id: 'm1', content: 'hello' });
  await stack.ended(key);
  await stack.client.workflow.getHandle(runWorkflowIdOf(key)).result();
  expect(await stack.sender.submitRun(key, { id: 'm1', content: 'hello' })).toEqual(receipt);
  await expect(stack.sender.submitRun(key, { id: 'm2', content: 'more' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  expect((await stack.events(key)).filter(({ type }) => type === 'run.started')).toHaveLength(1);
});

test('a one-off run is cancelled by its id, and keeps its partial text', async () => {
  const key = newRun();
  await stack.sender.submitRun(key, { content: 'hold one-off' });
  const call = await held.call('hold one-off');
  call.say('As I was');
  expect(await stack.sender.cancelRun(key, {})).toEqual({ runId: key.session });
  await call.aborted;
  const events = await stack.ended(key);
  expect(events.at(-2)).toMatchObject({ text: 'As I was', partial: true });
  expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
  await stack.client.workflow.getHandle(runWorkflowIdOf(key)).result();
});

test('a session and a run cannot share an id', async () => {
  const key = newRun();
  await stack.sender.submitRun(key, { content: 'hello' });
  await stack.ended(key);
  await expect(stack.sender.submit(key, { content: 'hello' })).rejects.toMatchObject({ code: 'invalid_request' });
  const session = stack.key('main');
  await stack.sender.submit(session, { content: 'hello' });
  await stack.ended(session);
  await expect(stack.sender.submitRun(session, { content: 'hello' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  expect(workflowIdOf(key)).not.toBe(runWorkflowIdOf(key));
});

test('a refused one-off run leaves nothing behind', async () => {
  const key = newRun();
  await expect(stack.sender.submitRun(key, { content: 'x', agent: 'nobody' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await stack.client.workflow.getHandle(runWorkflowIdOf(key)).result();
  expect(await stack.events(key)).toEqual([]);
});
