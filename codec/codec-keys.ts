import { createSecretKey, type KeyObject } from 'node:crypto';

/** A key with the id that encrypted payloads name. */
export interface CodecKey {
  readonly id: string;
  readonly key: KeyObject;
}

const KEY_BYTES = 32;

/** Parses keys, each `id:base64` of 32 bytes, separated by commas. Throws a TypeError that names `setting`, never a key. */
export function parseCodecKeys(text: string, setting: string): CodecKey[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  return entries.map((entry, index) => {
    const [, id, encoded] = /^([\w.-]{1,64}):([A-Za-z0-9+/_-]+=*)$/.exec(entry) ?? [];
    const bytes = Buffer.from(encoded ?? '', 'base64');
    if (id !== undefined && bytes.length === KEY_BYTES) return { id, key: createSecretKey(bytes) };
    throw new TypeError(
      `${setting}: entry ${index + 1} is not id:key, where the key is ${KEY_BYTES} bytes in base64. Create one with: openssl rand -base64 32`,
    );
  });
}
