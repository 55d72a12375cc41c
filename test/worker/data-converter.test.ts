import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { expect, test } from 'vitest';
import { encryptionCodec } from '../../codec/encryption-codec.ts';
import type { LogFields } from '../../telemetry/log-fields.ts';
import { encodesFailures, workerDataConverter } from '../../worker/data-converter.ts';

const keyOf = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const NEW = encryptionCodec({ key: keyOf('new') });
const WORKFLOW = { type: 'workflow', namespace: 'default', workflowId: 'ada:trip' } as const;
const ACTIVITY = { type: 'activity', namespace: 'default', workflowId: 'ada:trip', isLocal: true } as const;

async function encryptedBy(id: string): Promise<Payload> {
  const [payload] = await encryptionCodec({ key: keyOf(id) }).encode([defaultPayloadConverter.toPayload('text')]);
  return payload as Payload;
}

/** The check of a worker, which sees what the other codecs have decoded. */
function check(logged: LogFields[] = []): PayloadCodec {
  const { payloadCodecs } = workerDataConverter([NEW], { error: (_message, fields) => void logged.push(fields ?? {}) });
  return payloadCodecs?.[0] as PayloadCodec;
}

test('results of activities have to be readable; what clients send may be undecodable', async () => {
  const payload = await encryptedBy('old');
  await expect(check().decode([payload], ACTIVITY)).rejects.toThrow('encrypted with the key "old"');
  expect(await check().decode([payload], WORKFLOW)).toEqual([payload]);
});

test('a missing key is logged once, by its id, and not without bound', async () => {
  const logged: LogFields[] = [];
  const codec = check(logged);
  for (let round = 0; round < 2; round += 1) {
    for (let id = 0; id < 30; id += 1) await codec.decode([await encryptedBy(`k${id}`)], WORKFLOW);
  }
  expect(logged).toHaveLength(20);
  expect(logged[0]).toEqual({ codecKey: 'k0' });
});

test('failures are encoded with a codec, unless it only decrypts', () => {
  const custom: PayloadCodec = { encode: async (payloads) => payloads, decode: async (payloads) => payloads };
  expect(
    [[], [NEW], [custom], [encryptionCodec({ decryptKeys: keyOf('next') })]].map((codecs) => encodesFailures(codecs)),
  ).toEqual([false, true, true, false]);
  expect(workerDataConverter([NEW])).toHaveProperty('failureConverterPath');
  expect(workerDataConverter([])).not.toHaveProperty('failureConverterPath');
});
