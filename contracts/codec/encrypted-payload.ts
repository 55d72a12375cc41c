/** The part of a Temporal payload that says how it is encoded. */
export interface PayloadMetadata {
  readonly metadata?: { readonly [name: string]: Uint8Array } | null | undefined;
}

/** Metadata of encrypted payloads: that of the encryption samples of Temporal's SDKs, whose codecs read these payloads. */
export const ENCODING = 'encoding';
export const ENCRYPTED = 'binary/encrypted';
export const KEY_ID = 'encryption-key-id';

/** The ids that keys can have. */
export const KEY_ID_PATTERN = /^[\w.-]{1,64}$/;

/** The id of the key of an encrypted payload; `unknown` if it names none that a key can have; null for a payload that is not encrypted. */
export function encryptionKeyOf({ metadata }: PayloadMetadata): string | null {
  if (textOf(metadata?.[ENCODING]) !== ENCRYPTED) return null;
  const id = textOf(metadata?.[KEY_ID]);
  return KEY_ID_PATTERN.test(id) ? id : 'unknown';
}

/** What is wrong with a payload whose key is missing, or is another one under the same id; and the remedy. */
export function cannotDecrypt(keyId: string): string {
  return `The payload is encrypted with the key ${JSON.stringify(keyId)} and cannot be decrypted. Set that key in PERDURE_CODEC_KEY or PERDURE_CODEC_DECRYPT_KEYS.`;
}

function textOf(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
