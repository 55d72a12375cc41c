import { randomBytes } from 'node:crypto';
import { Client } from '@temporalio/client';
import { expect, test } from 'vitest';
import { clientDataConverter } from '../../../codec/client-data-converter.ts';
import { encryptionCodec } from '../../../codec/encryption-codec.ts';
import { missingKey } from '../../../codec/payloads-in.ts';
import { SIGNAL, UPDATE, WORKFLOW } from '../../../contracts/names.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { createLog } from '../../../telemetry/log.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { rescueStuckWorkflow } from '../../../worker/upkeep/rescue-stuck-workflow.ts';
import { StuckWorkflows } from '../../../worker/upkeep/stuck-workflows.ts';
import { checkHistories } from '../../../worker/replay/check-histories.ts';
import { startStack } from '../../support/stack.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const SECRET = randomBytes(32).toString('base64');
const A = `a:${SECRET}`;
const B = `b:${randomBytes(32).toString('base64')}`;
const A_FIRST = encryptionCodec({ key: A, decryptKeys: B });
const B_FIRST = encryptionCodec({ key: B, decryptKeys: A });
const B_ONLY = encryptionCodec({ key: B });

async function stackWithKeyA() {
  const logged: string[] = [];
  const telemetry = createTelemetry({
    log: createLog({ level: 'info', format: 'json', write: (line) => void logged.push(line) }),
  });
  const stack = await startStack({
    temporal: await testTemporal(),
    payloadCodecs: [A_FIRST],
    model: () => 'fine',
    telemetry,
  });
  const key = stack.key();
  await stack.sender.submit(key, { id: 'm1', content: 'hello' });
  await stack.ended(key);
  await stack.stopWorker();
  return { stack, key, logged, workflowId: workflowIdOf(key) };
}

test('a session that began with one key goes on with the next one, and without the first where nothing has it', async () => {
  const { stack, key, workflowId } = await stackWithKeyA();
  await using _ = stack;
  await stack.startWorker([B_FIRST]);
  await stack.sender.submit(key, { id: 'm2', content: 'still there?' });
  const events = await stack.ended(key, 2);
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(2);
  const history = await historyOf(stack.client, workflowId);
  expect(failedTasks(history)).toEqual([]);
  expect([await missingKey(history, [B_ONLY]), await missingKey(history, [encryptionCodec({ key: A })])]).toEqual([
    'a',
    'b',
  ]);

  // A session of after the change has nothing of the first key.
  const later = stack.key();
  const client = new Client({ connection: stack.client.connection, dataConverter: clientDataConverter([B_ONLY]) });
  await client.workflow.start(WORKFLOW.session, { workflowId: workflowIdOf(later), taskQueue: stack.taskQueue });
  await client.workflow
    .getHandle(workflowIdOf(later))
    .executeUpdate(UPDATE.submitMessage, { args: [{ content: 'hi' }] });
  await stack.ended(later);
  expect(await missingKey(await historyOf(client, workflowIdOf(later)), [B_ONLY])).toBeNull();
}, 180_000);

test('a session whose key was removed too early fails no run and loses nothing: it waits for the key, which the log names', async () => {
  const { stack, key, logged, workflowId } = await stackWithKeyA();
  await using _ = stack;
  const handle = stack.client.workflow.getHandle(workflowId);
  await stack.startWorker([B_ONLY]);
  await handle.signal(SIGNAL.submitMessage, { id: 'm2', content: 'and now?' });
  const attempts = async () => (await handle.describe()).raw.pendingWorkflowTask?.attempt ?? 0;
  await expect.poll(attempts).toBeGreaterThanOrEqual(3);
  const lines = logged.filter((line) => line.includes('encrypted with a key that is not set'));
  expect(lines.map((line) => (JSON.parse(line) as { codecKey: string }).codecKey)).toEqual(['a']);
  expect(logged.join('')).not.toContain(SECRET);

  // Nobody terminates it, which is what becomes of histories that cannot be replayed for other reasons.
  const stuck = new StuckWorkflows(stack.telemetry.log, 10);
  const client = new Client({ connection: stack.client.connection, dataConverter: clientDataConverter([B_ONLY]) });
  const rescued = await rescueStuckWorkflow({ db: stack.db, client, holder: 'test', stuck }, await handle.describe());
  expect(rescued).toBe(false);
  expect(logged.join('')).toContain('"code":"codec_key_missing"');

  await stack.stopWorker();
  await stack.startWorker([B_FIRST]);
  const events = await stack.ended(key, 2);
  expect(events.map(({ type }) => type)).not.toContain('message.refused');
  expect(events.filter(({ type }) => type === 'run.completed')).toHaveLength(2);
}, 180_000);

test('a client without the key, and a check of histories without it, say which one is missing', async () => {
  const { stack, workflowId } = await stackWithKeyA();
  await using _ = stack;
  await stack.startWorker([A_FIRST]);
  const client = new Client({ connection: stack.client.connection, dataConverter: clientDataConverter([B_ONLY]) });
  const query = client.workflow.getHandle(workflowId).query('session');
  await expect(query).rejects.toThrow(
    'The payload is encrypted with the key "a" and cannot be decrypted. Set that key in PERDURE_CODEC_KEY or PERDURE_CODEC_DECRYPT_KEYS.',
  );
  const check = { client, taskQueue: stack.taskQueue, sample: 5, seed: 1, payloadCodecs: [B_ONLY] };
  await expect.poll(async () => (await checkHistories(check)).open).toBe(1);
  expect(await checkHistories(check)).toMatchObject({
    checked: 0,
    failed: [],
    skipped: [{ reason: 'encrypted', codecKey: 'a' }],
  });
  expect(await checkHistories({ ...check, payloadCodecs: [B_FIRST] })).toMatchObject({
    checked: 1,
    failed: [],
    skipped: [],
  });
}, 180_000);
