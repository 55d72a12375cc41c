import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, test } from 'vitest';
import { encryptionCodec } from '../../codec/encryption-codec.ts';

const [OLD, NEW] = ['old', 'new'].map((id) => `${id}:${randomBytes(32).toString('base64')}`) as [string, string];
const PLAIN = defaultPayloadConverter.toPayload({ content: 'CANARY' });

async function encrypted(key: string): Promise<Payload> {
  const [payload] = await encryptionCodec({ key }).encode([PLAIN]);
  return payload as Payload;
}

async function decrypted(payload: Payload, options: { key?: string; decryptKeys?: string }): Promise<unknown> {
  const [decoded] = await encryptionCodec(options).decode([payload]);
  return defaultPayloadConverter.fromPayload(decoded as Payload);
}

test('an encrypted payload contains nothing of the plain one, differs each time, and is decrypted to it', async () => {
  const [first, second] = [await encrypted(NEW), await encrypted(NEW)];
  expect(Buffer.from(first.data ?? []).toString('latin1')).not.toContain('CANARY');
  expect(first.data).not.toEqual(second.data);
  expect(await decrypted(first, { key: NEW })).toEqual({ content: 'CANARY' });
});

test('keys rotate: the next key decrypts before it encrypts, and the last one afterwards', async () => {
  expect(await decrypted(await encrypted(NEW), { key: OLD, decryptKeys: NEW })).toEqual({ content: 'CANARY' });
  expect(await decrypted(await encrypted(OLD), { key: NEW, decryptKeys: `${OLD}, ${NEW}` })).toEqual({
    content: 'CANARY',
  });
  const decryptOnly = encryptionCodec({ decryptKeys: NEW });
  expect(await decryptOnly.encode([PLAIN])).toEqual([PLAIN]);
});

test('a payload that is not encrypted, or that cannot be decrypted, is passed on as it is', async () => {
  const tampered = await encrypted(NEW);
  (tampered.data as Uint8Array)[20]! ^= 1;
  const short = { ...tampered, data: new Uint8Array(3) };
  const unknown = await encrypted(OLD);
  expect(await encryptionCodec({ key: NEW }).decode([PLAIN, tampered, short, unknown])).toEqual([
    PLAIN,
    tampered,
    short,
    unknown,
  ]);
});

test.for([
  [{ key: 'secret' }, 'PERDURE_CODEC_KEY: entry 1'],
  [{ key: 'a:c2VjcmV0' }, 'PERDURE_CODEC_KEY: entry 1'],
  [{ key: `${OLD},${NEW}` }, 'PERDURE_CODEC_KEY has several keys'],
  [{ key: NEW, decryptKeys: 'secret' }, 'PERDURE_CODEC_DECRYPT_KEYS: entry 1'],
  [{ key: NEW, decryptKeys: `new:${OLD.slice(4)}` }, 'Two keys of the codec have the id new'],
] as const)('invalid keys are an error that does not quote them: %#', ([options, message]) => {
  const create = (): unknown => encryptionCodec(options);
  expect(create).toThrow(message);
  expect(create).not.toThrow(/secret|c2VjcmV0/);
});
