import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection, type WorkflowExecutionInfo } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { encryptionCodec } from '../../../codec/encryption-codec.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { ModelError } from '../../../models/model-client.ts';
import { startStack } from '../../support/stack.ts';
import { textsIn } from '../../support/temporal/all-texts.ts';
import { rawSignal } from '../../support/temporal/raw-temporal.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const KEY = `k1:${randomBytes(32).toString('base64')}`;

test('with a codec the history has no content in plain text, and everything works, also for senders without it', async () => {
  const temporal = await testTemporal();
  await using stack = await startStack({
    temporal,
    payloadCodecs: [encryptionCodec({ key: KEY })],
    model: () => 'fine',
  });
  const key = stack.key();
  await stack.sender.open(key, { metadata: { note: 'CANARY-METADATA' } });
  await stack.sender.update(key, { state: { app: { note: 'CANARY-STATE' } } });
  const receipt = await stack.sender.submit(key, { id: 'm1', content: 'CANARY-MESSAGE' });
  expect(receipt).toMatchObject({ messageId: 'm1', disposition: 'started' });
  await stack.ended(key);

  const connection = await Connection.connect({ address: temporal });
  onTestFinished(() => connection.close());
  const plain = new Client({ connection });
  const handle = plain.workflow.getHandle(workflowIdOf(key));
  const history = textsIn(await handle.fetchHistory());
  expect(history).toContain('binary/encrypted');
  expect(history).not.toContain('CANARY');

  await handle.signal('submitMessage', { id: 'm2', content: 'sent without a codec' });
  await stack.ended(key, 2);
  const forged = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: randomBytes(64) };
  await rawSignal(plain, workflowIdOf(key), 'submitMessage', [forged]);
  await stack.until(key, (events) => events.some(({ type }) => type === 'message.refused'));

  await stack.stopWorker();
  await stack.startWorker();
  await stack.sender.submit(key, { id: 'm3', content: 'CANARY-AGAIN' });
  const events = await stack.ended(key, 3);
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(3);
  expect(textsIn(await handle.fetchHistory())).not.toContain('CANARY');
}, 180_000);

test('failures are encrypted with their causes, and who sent the request reads them', async () => {
  await using stack = await startStack({
    temporal: await testTemporal(),
    payloadCodecs: [encryptionCodec({ key: KEY })],
    agents: [{ name: 'assistant', policy: { retry: { maxAttempts: 1 } } }],
    model: () => {
      throw new ModelError('authentication', 'CANARY-REASON', { retryable: false });
    },
  });
  const key = stack.key();
  await stack.sender.submit(key, { content: 'hello' });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'authentication' } });
  // The messages of these failures name what was sent; one is of the workflow's code, the others of activities, on the way through it.
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  for (const [update, request, type] of [
    ['resumeRun', { runId: 'CANARY-RUN' }, 'not_found'],
    ['submitMessage', { content: 'hi', agent: 'CANARY-AGENT' }, 'invalid_request'],
    ['cancelRun', { CANARY: 1 }, 'invalid_request'],
  ] as const) {
    const refused = handle.executeUpdate(update, { args: [request] }).catch((error: unknown) => error);
    expect(await refused).toMatchObject({ cause: { type, message: expect.not.stringContaining('Encoded failure') } });
  }
  await expect(stack.sender.resume(key, { runId: 'CANARY-RUN' })).rejects.toThrow('CANARY-RUN');

  const history = await handle.fetchHistory();
  expect(textsIn(history)).not.toContain('CANARY');
  const messages = [...failuresIn(history)].map(({ message }) => message);
  expect(messages.length).toBeGreaterThanOrEqual(4);
  expect(new Set(messages)).toEqual(new Set(['Encoded failure']));
}, 180_000);

test('without a codec failures are readable in the Temporal UI', async () => {
  await using stack = await startStack({ temporal: await testTemporal(), model: () => 'fine' });
  const key = stack.key();
  await stack.sender.open(key, {});
  await expect(stack.sender.resume(key, { runId: 'no-such-run' })).rejects.toThrow('no-such-run');
  const history = await stack.client.workflow.getHandle(workflowIdOf(key)).fetchHistory();
  const messages = [...failuresIn(history)].map(({ message }) => message);
  expect(messages).toContainEqual(expect.stringContaining('no-such-run'));
}, 180_000);

test('memos and arguments of workflows that tools start are encrypted', async () => {
  const taskQueue = `nobody-${randomUUID()}`;
  const begin = defineTool({
    name: 'begin',
    description: 'Starts a workflow.',
    parameters: z.object({ of: z.string() }),
    timeoutMs: 10_000,
    execute: async ({ of }, { startWorkflow }) => {
      await startWorkflow('neverRun', { taskQueue, args: [of] });
      return 'started';
    },
  });
  await using stack = await startStack({
    temporal: await testTemporal(),
    payloadCodecs: [encryptionCodec({ key: KEY })],
    tools: [begin],
    agents: [{ name: 'assistant', tools: ['begin'] }],
    model: ({ messages }) =>
      messages.at(-1)?.role === 'tool'
        ? 'done'
        : { toolCalls: [{ callId: 'c1', tool: 'begin', arguments: { of: 'CANARY' }, malformed: null }] },
  });
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'go' });
  await stack.ended(key);
  const found: WorkflowExecutionInfo[] = [];
  await expect
    .poll(async () => {
      for await (const one of stack.client.workflow.list({ query: `TaskQueue = '${taskQueue}'` })) found.push(one);
      return found.length;
    })
    .toBeGreaterThan(0);
  const [started] = found as [WorkflowExecutionInfo];
  expect(started.memo).toEqual({ perdure: { session: workflowIdOf(key), run: runId, tool: 'begin' } });
  expect(textsIn(started.raw.memo)).not.toContain(runId);
  const handle = stack.client.workflow.getHandle(started.workflowId);
  expect(textsIn(await handle.fetchHistory())).not.toContain('CANARY');
  await handle.terminate();
}, 180_000);

interface Failure {
  readonly message: string;
  readonly source?: string;
}

/** The failures in a history that its worker wrote, with their causes. */
function* failuresIn(value: unknown): Generator<Failure> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if ('stackTrace' in value && 'source' in value && value.source === 'TypeScriptSDK') yield value as unknown as Failure;
  for (const part of Object.values(value)) yield* failuresIn(part);
}
