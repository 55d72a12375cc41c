import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPerdure } from '../../../client/index.ts';
import { createTemporalSender } from '../../../client/temporal/temporal-sender.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { QUERY, TASK_QUEUE } from '../../../contracts/names.ts';
import { fairnessKey } from '../../../contracts/session/fairness-key.ts';
import { runWorkflowIdOf, sessionKey, workflowIdOf } from '../../../contracts/session/session-key.ts';
import { anyPort } from '../../../dev-server/ports.ts';
import { startFakeGateway } from '../../support/gateway/fake-gateway.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';
import type { Delivered } from './stand-in-workflows.ts';

const served = `${TASK_QUEUE}-stand-in`;
const unserved = `${TASK_QUEUE}-nobody`;
let client: Client;
let polling: NativeConnection;
let worker: Worker;
let working: Promise<void>;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const address = await testTemporal();
  client = new Client({ connection: await Connection.connect({ address }) });
  polling = await NativeConnection.connect({ address });
  worker = await Worker.create({
    connection: polling,
    taskQueue: served,
    workflowsPath: fileURLToPath(new URL('stand-in-workflows.ts', import.meta.url)),
  });
  working = worker.run();
});

afterAll(async () => {
  worker.shutdown();
  await working;
  await polling.close();
  await client.connection.close();
});

let keys = 0;
/** A session that no other test uses. */
const freshKey = () => sessionKey('Zoë: 漢/%', `sender ${(keys += 1)}`);
const answering = () => createTemporalSender({ client, taskQueue: served, ackTimeoutMs: 30_000 });
const silent = (ackTimeoutMs = 300) => createTemporalSender({ client, taskQueue: unserved, ackTimeoutMs });

async function delivered(workflowId: string): Promise<Delivered[]> {
  return client.workflow.getHandle(workflowId).query<Delivered[]>(QUERY.session);
}

async function priorityOf(workflowId: string): Promise<string | null | undefined> {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.priority?.fairnessKey;
}

test('a workflow is started with the fairness key of its user, however it is started', async () => {
  const [updated, woken, run] = [freshKey(), freshKey(), freshKey()];
  const session = { status: 'active', agent: 'assistant' } as const;
  const reference = { session, run: null, interrupts: null, wasIdle: true };
  await answering().submit(updated, { content: 'Hi' });
  await silent().wake(woken, 'session', reference);
  await silent().wake(run, 'run', reference);
  const expected = fairnessKey(updated.user);
  expect(await priorityOf(workflowIdOf(updated))).toBe(expected);
  expect(await priorityOf(workflowIdOf(woken))).toBe(expected);
  expect(await priorityOf(runWorkflowIdOf(run))).toBe(expected);
});

test('submit starts the session and gives its receipt; a message without an id gets one', async () => {
  const key = freshKey();
  const receipt = await answering().submit(key, { content: 'Hi' });
  expect(receipt).toMatchObject({ runId: 'agentSession', disposition: 'started', position: 0 });
  expect(receipt.messageId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  const again = await answering().submit(key, { id: 'm-2', content: 'Again', whileRunning: 'steer' });
  expect(again.messageId).toBe('m-2');
  const [first, second] = await delivered(workflowIdOf(key));
  expect(first?.input).toEqual({ id: receipt.messageId, content: 'Hi' });
  expect(second?.input).toEqual({ id: 'm-2', content: 'Again', whileRunning: 'steer' });
  const { raw } = await client.workflow.getHandle(workflowIdOf(key)).describe();
  expect(raw.executionConfig?.workflowExecutionTimeout?.seconds?.toNumber() ?? 0).toBe(0);
});

test('submitRun starts the other workflow under the other id', async () => {
  const key = freshKey();
  expect(await answering().submitRun(key, { content: 'Hi' })).toMatchObject({ runId: 'agentRun' });
  expect(await delivered(runWorkflowIdOf(key))).toHaveLength(1);
});

test('a refusal has the session’s code, reason and time, and its id may be used again', async () => {
  const key = freshKey();
  const refused = answering().submit(key, { id: 'm', content: 'refuse' });
  await expect(refused).rejects.toMatchObject({
    name: 'PerdureError',
    code: 'queue_full',
    message: '1,000 runs wait in this session.',
    retryAfterMs: 1_500,
  });
  expect(await answering().submit(key, { id: 'm', content: 'now' })).toMatchObject({ messageId: 'm' });
});

test('the message of an unknown failure does not leak', async () => {
  const failed = answering().submit(freshKey(), { content: 'break' });
  await expect(failed).rejects.toMatchObject({ code: 'internal' });
  await expect(failed).rejects.not.toThrow('secret');
});

test('a session whose workflow has ended is started again by the next message', async () => {
  const key = freshKey();
  await answering().submit(key, { content: 'end' });
  await client.workflow.getHandle(workflowIdOf(key)).result();
  await answering().submit(key, { id: 'after', content: 'Hi' });
  expect(await delivered(workflowIdOf(key))).toMatchObject([{ by: 'update', input: { id: 'after' } }]);
});

test('without a worker a message is accepted, and stored for the next worker', async () => {
  const key = freshKey();
  const receipt = await silent().submit(key, { id: 'm', content: 'Hi' });
  expect(receipt).toEqual({ messageId: 'm', runId: null, disposition: 'accepted', position: null });
  const history = await client.workflow.getHandle(workflowIdOf(key)).fetchHistory();
  const signal = history.events?.find((event) => event.workflowExecutionSignaledEventAttributes);
  const payload = signal?.workflowExecutionSignaledEventAttributes?.input?.payloads?.[0];
  expect(JSON.parse(Buffer.from(payload?.data ?? []).toString())).toEqual({ id: 'm', content: 'Hi' });
});

test('without a worker, calls that need one fail with the reason', async () => {
  await expect(silent().open(freshKey(), {})).rejects.toMatchObject({
    code: 'temporal_unavailable',
    retryAfterMs: 300,
  });
  await expect(silent().resume(freshKey(), { runId: 'r' })).rejects.toThrow('No worker responded within 300 ms');
});

test('without a worker cancel and end send a signal', async () => {
  const key = freshKey();
  await silent().signal(key, { content: 'Hi' });
  expect(await silent().cancel(key, {})).toEqual({ runId: null });
  await silent().end(key, { status: 'failed' });
  const { events } = await client.workflow.getHandle(workflowIdOf(key)).fetchHistory();
  const names = events?.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName).filter(Boolean);
  expect(names).toEqual(['submitMessage', 'cancelRun', 'endSession']);
});

test('commands reach the session with their names and JSON', async () => {
  const key = freshKey();
  const sender = answering();
  expect(await sender.open(key, { agent: 'helper' })).toEqual({ created: true });
  await sender.update(key, { metadata: { team: null } });
  expect(await sender.cancel(key, { runId: 'r' })).toEqual({ runId: 'r' });
  await sender.resume(key, { runId: 'r' });
  await sender.end(key, {});
  expect(await sender.signal(key, { id: 's', content: 'Hi' })).toBe('s');
  expect((await delivered(workflowIdOf(key))).map(({ by, name, input }) => [by, name, input])).toEqual([
    ['update', 'openSession', { agent: 'helper' }],
    ['update', 'updateSession', { metadata: { team: null } }],
    ['update', 'cancelRun', { runId: 'r' }],
    ['update', 'resumeRun', { runId: 'r' }],
    ['update', 'endSession', {}],
    ['signal', 'submitMessage', { id: 's', content: 'Hi' }],
  ]);
});

test('cancelling where no workflow runs starts one, which may find the run in the store; terminating there does nothing', async () => {
  expect(await answering().cancel(freshKey(), {})).toEqual({ runId: 'r' });
  await expect(answering().terminate(freshKey(), 'deleted')).resolves.toBeUndefined();
});

test('createPerdure with a Temporal address sends through Temporal, and reads from the gateway', async () => {
  const gateway = await startFakeGateway({ handle: () => ({ body: { data: [], nextCursor: null } }) });
  const perdure = createPerdure({ temporal: { address: await testTemporal() }, gateway: gateway.url, user: 'Zoë' });
  const { session } = freshKey();
  const receipt = await perdure.session(session).send({ id: 'm', content: 'Hi' });
  expect(receipt).toMatchObject({ messageId: 'm', disposition: 'accepted' });
  expect(gateway.requests).toEqual([]);
  await client.workflow.getHandle(workflowIdOf({ user: 'Zoë', session })).terminate();
  expect(await perdure.list()).toEqual({ data: [], nextCursor: null });
  await perdure.close();
  await gateway.close();
});

test('terminate ends the workflow', async () => {
  const key = freshKey();
  await answering().submit(key, { content: 'Hi' });
  await answering().terminate(key, 'deleted');
  const { status } = await client.workflow.getHandle(workflowIdOf(key)).describe();
  expect(status.name).toBe('TERMINATED');
});

test('what is too large or malformed never reaches Temporal', async () => {
  const key = freshKey();
  const content = 'é'.repeat(LIMITS.messageBytes.value / 2 + 1);
  await expect(answering().submit(key, { content })).rejects.toMatchObject({ code: 'too_large' });
  await expect(answering().submit(key, { content: ' ' })).rejects.toThrow(
    'The field "content" of the message is not valid: must not be empty',
  );
  await expect(answering().submit(key, { content: 'x', more: 1 } as never)).rejects.toMatchObject({
    code: 'invalid_request',
  });
  await expect(answering().submit(key, null as never)).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(answering().submit({ user: '', session: 's' }, { content: 'x' })).rejects.toThrow('The user is empty');
  const big = { metadata: { text: 'x'.repeat(LIMITS.metadataBytes.value) } };
  await expect(answering().update(key, big)).rejects.toMatchObject({ code: 'too_large' });
  await expect(client.workflow.getHandle(workflowIdOf(key)).describe()).rejects.toThrow('not found');
});

test('an unreachable server is temporal_unavailable, and not ready', async () => {
  const connection = Connection.lazy({ address: `127.0.0.1:${await anyPort()}` });
  const sender = createTemporalSender({ client: new Client({ connection }), ackTimeoutMs: 200 });
  await expect(sender.submit(freshKey(), { content: 'Hi' })).rejects.toMatchObject({ code: 'temporal_unavailable' });
  expect(await sender.ready()).toBe(false);
  await connection.close();
  expect(await answering().ready()).toBe(true);
});
