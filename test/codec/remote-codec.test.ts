import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, test } from 'vitest';
import { encryptionCodec } from '../../codec/encryption-codec.ts';
import { decodeRemote, encodeRemote } from '../../codec/remote-codec.ts';
import type { RemotePayload } from '../../contracts/codec/remote-codec.ts';

const keyOf = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const OLD = encryptionCodec({ key: keyOf('old') });
const NEW = encryptionCodec({ key: keyOf('new') });

const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');

function remote({ metadata, data }: Payload): RemotePayload {
  const entries = Object.entries(metadata ?? {});
  return { metadata: Object.fromEntries(entries.map(([name, value]) => [name, base64(value)])), data: base64(data) };
}

const PLAIN = remote(defaultPayloadConverter.toPayload({ text: 'é' }));
const plainText = (encoded: string | null | undefined) => Buffer.from(encoded ?? '', 'base64').toString();

test('what was encoded is decoded to the same payloads, in their order', async () => {
  const other = remote(defaultPayloadConverter.toPayload(['b']));
  const encoded = await encodeRemote([PLAIN, other], [NEW]);
  expect(encoded.map(({ metadata }) => plainText(metadata?.['encryption-key-id']))).toEqual(['new', 'new']);
  expect(await decodeRemote(encoded, [NEW])).toEqual([PLAIN, other]);
});

test('payloads without metadata, without data, or that are not encrypted are decoded as they are', async () => {
  const none = { metadata: {}, data: '' };
  expect(await decodeRemote([PLAIN, {}, { metadata: null, data: null }], [NEW])).toEqual([PLAIN, none, none]);
});

test('a payload with an unknown key, a wrong key or a changed text is returned as it was, with a reason that names the key id', async () => {
  const [unknown] = (await encodeRemote([PLAIN], [OLD])) as [RemotePayload];
  const [wrong] = (await encodeRemote([PLAIN], [encryptionCodec({ key: keyOf('new') })])) as [RemotePayload];
  const changed = { ...wrong, data: Buffer.from('short').toString('base64') };
  const [readable] = (await encodeRemote([PLAIN], [NEW])) as [RemotePayload];
  const given = [unknown, wrong, changed, readable];

  const decoded = await decodeRemote(given, [NEW]);
  expect(decoded[3]).toEqual(PLAIN);
  for (const [index, keyId] of ['old', 'new', 'new'].entries()) {
    const { 'decode-error': reason, ...metadata } = decoded[index]?.metadata ?? {};
    expect({ ...decoded[index], metadata }).toEqual(given[index]);
    expect(plainText(reason)).toContain(`encrypted with the key "${keyId}"`);
  }
});
