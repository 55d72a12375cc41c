import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { expect, test } from 'vitest';
import { clientDataConverter } from '../../codec/client-data-converter.ts';
import { encryptionCodec } from '../../codec/encryption-codec.ts';
import { decodePayloads, missingKey } from '../../codec/payloads-in.ts';

const keyOf = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const SECRET = randomBytes(32).toString('base64');
const OLD = encryptionCodec({ key: `old:${SECRET}` });
const NEW = encryptionCodec({ key: keyOf('new') });
const PLAIN = defaultPayloadConverter.toPayload('text');

async function encrypted(codec = OLD): Promise<Payload> {
  const [payload] = await codec.encode([PLAIN]);
  return payload as Payload;
}

test('a client that lacks a key says which one, and never the key', async () => {
  for (const codecs of [[], [NEW], [encryptionCodec({ key: keyOf('old') })]]) {
    const { payloadCodecs = [] } = clientDataConverter(codecs);
    const decoded = decodePayloads([await encrypted()], payloadCodecs);
    await expect(decoded).rejects.toThrow(
      'The payload is encrypted with the key "old" and cannot be decrypted. Set that key in PERDURE_CODEC_KEY or PERDURE_CODEC_DECRYPT_KEYS.',
    );
    await expect(decoded).rejects.not.toThrow(SECRET);
  }
});

test('a client reads what it has the key of, and what is not encrypted', async () => {
  const { payloadCodecs = [] } = clientDataConverter([OLD]);
  const decoded = await decodePayloads([await encrypted(), PLAIN], payloadCodecs);
  expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual(['text', 'text']);
});

test('a key id that no key can have is not repeated', async () => {
  const payload = { ...(await encrypted()) };
  payload.metadata = { ...payload.metadata, 'encryption-key-id': Buffer.from('some long text\u001b[0m') };
  const { payloadCodecs = [] } = clientDataConverter([NEW]);
  await expect(decodePayloads([payload], payloadCodecs)).rejects.toThrow('encrypted with the key "unknown"');
});

test('the missing key of a history is found, wherever the payload is', async () => {
  const history = { events: [{ attributes: { failure: { cause: { encodedAttributes: await encrypted() } } } }] };
  expect(await missingKey(history, [NEW])).toBe('old');
  expect(await missingKey(history)).toBe('old');
  expect(await missingKey(history, [OLD])).toBeNull();
  expect(await missingKey({ events: [{ input: { payloads: [PLAIN] } }] })).toBeNull();
});
