import { createCipheriv, createDecipheriv, randomBytes, type KeyObject } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { ENCODING, ENCRYPTED, encryptionKeyOf, KEY_ID } from '../contracts/codec/encrypted-payload.ts';
import { parseCodecKeys, type CodecKey } from './codec-keys.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface EncryptionCodecOptions {
  /** `id:base64` of 32 bytes: encrypts new payloads. Undefined: new payloads are not encrypted. */
  readonly key?: string | undefined;
  /** Further keys that decrypt, separated by commas: those of older payloads, and the next one before it is used. */
  readonly decryptKeys?: string | undefined;
}

/** A codec that says whether it encrypts, or only decrypts. */
export interface EncryptionCodec extends PayloadCodec {
  readonly encrypts: boolean;
}

/**
 * Encrypts Temporal payloads with AES-256-GCM, each as nonce, ciphertext and tag of its protobuf message. Payloads that are
 * not encrypted are decoded as they are, and one that cannot be decrypted stays encrypted. Every worker, gateway and client of
 * a namespace needs the same keys.
 * @throws {TypeError} for invalid keys.
 */
export function encryptionCodec({ key, decryptKeys }: EncryptionCodecOptions): EncryptionCodec {
  const [current, ...more] = parseCodecKeys(key ?? '', 'PERDURE_CODEC_KEY');
  if (more.length > 0) {
    throw new TypeError(
      'PERDURE_CODEC_KEY has several keys. Leave the one that encrypts, and move others to PERDURE_CODEC_DECRYPT_KEYS.',
    );
  }
  const known = [...(current ? [current] : []), ...parseCodecKeys(decryptKeys ?? '', 'PERDURE_CODEC_DECRYPT_KEYS')];
  const keys = keysById(known);
  return {
    encrypts: current !== undefined,
    encode: async (payloads) => (current ? payloads.map((payload) => encrypt(payload, current)) : payloads),
    decode: async (payloads) => payloads.map((payload) => decrypt(payload, keys)),
  };
}

function keysById(known: readonly CodecKey[]): ReadonlyMap<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  for (const { id, key } of known) {
    if (keys.get(id)?.equals(key) === false)
      throw new TypeError(`Two keys of the codec have the id ${id}. Give each its own.`);
    keys.set(id, key);
  }
  return keys;
}

function encrypt(payload: Payload, { id, key }: CodecKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce);
  const parts = [nonce, cipher.update(PayloadMessage.encode(payload).finish()), cipher.final(), cipher.getAuthTag()];
  return { metadata: { [ENCODING]: Buffer.from(ENCRYPTED), [KEY_ID]: Buffer.from(id) }, data: Buffer.concat(parts) };
}

function decrypt(payload: Payload, keys: ReadonlyMap<string, KeyObject>): Payload {
  const keyId = encryptionKeyOf(payload);
  if (keyId === null) return payload;
  const { data } = payload;
  const key = keys.get(keyId);
  if (key === undefined || !data || data.length < NONCE_BYTES + TAG_BYTES) return payload;
  try {
    const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(data.subarray(-TAG_BYTES));
    const message = Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return PayloadMessage.decode(message);
  } catch {
    return payload;
  }
}
