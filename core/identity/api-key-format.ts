import { crc32 } from 'node:zlib';

/** What every API key begins with, for scanners that look for leaked keys. */
export const API_KEY_PREFIX = 'perdure_';

const SECRET_BYTES = 32;
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Digits in base 62 of 256 bits, and of 32. */
const SECRET_DIGITS = 43;
const CHECKSUM_DIGITS = 6;
const HINT_DIGITS = 4;

const API_KEY = new RegExp(`^${API_KEY_PREFIX}[0-9A-Za-z]{${SECRET_DIGITS + CHECKSUM_DIGITS}}$`);

/** The API key with these 256 random bits: the prefix, the bits in base 62, and the CRC-32 of both. */
export function formatApiKey(secret: Uint8Array): string {
  if (secret.length !== SECRET_BYTES) throw new Error(`The secret of an API key has ${SECRET_BYTES} bytes.`);
  const body = API_KEY_PREFIX + inBase62(BigInt(`0x${Buffer.from(secret).toString('hex')}`), SECRET_DIGITS);
  return body + checksumOf(body);
}

/** Whether a text has the form of an API key and its checksum is right. Whether the key exists is another question. */
export function isApiKey(text: string): boolean {
  return API_KEY.test(text) && text.endsWith(checksumOf(text.slice(0, -CHECKSUM_DIGITS)));
}

/** The beginning of a key that identifies it to people. The other 232 bits of its secret stay unknown. */
export function hintOf(key: string): string {
  return key.slice(0, API_KEY_PREFIX.length + HINT_DIGITS);
}

function checksumOf(body: string): string {
  return inBase62(BigInt(crc32(body)), CHECKSUM_DIGITS);
}

function inBase62(value: bigint, digits: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = DIGITS.charAt(Number(rest % 62n)) + text;
  return text.padStart(digits, DIGITS.charAt(0));
}
