import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { expect, onTestFinished, test } from 'vitest';
import { encryptionCodec } from '../../../codec/encryption-codec.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { startStack } from '../../support/stack.ts';
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
  const history = bytesOf(await handle.fetchHistory());
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
  expect(bytesOf(await handle.fetchHistory())).not.toContain('CANARY');
});

/** All texts and bytes of a value. */
function bytesOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null) return '';
  return Object.entries(value)
    .map(([name, part]) => `${name} ${bytesOf(part)}`)
    .join('\n');
}
