import { cannotDecrypt, KEY_ID_PATTERN } from './codec/encrypted-payload.ts';

const MARK = 'perdure/undecodable';
const KEY = 'key:';

/** Returns a marker that replaces a payload that could not be decoded. `reason` must not contain any part of the payload. */
export function undecodable(reason: string): { readonly [MARK]: string } {
  return { [MARK]: reason };
}

/** Returns the marker of a payload that is encrypted with a key that is not there. */
export function undecryptable(keyId: string): { readonly [MARK]: string } {
  return undecodable(`${KEY}${keyId}`);
}

/** Whether a value is such a marker, including after a round trip through JSON. */
export function isUndecodable(value: unknown): value is { readonly [MARK]: unknown } {
  return typeof value === 'object' && value !== null && MARK in value;
}

/** What is wrong with the payload that a marker replaces, and the remedy. */
export function undecodableProblem(marker: { readonly [MARK]: unknown }): string {
  const reason = marker[MARK];
  const keyId = typeof reason === 'string' && reason.startsWith(KEY) ? reason.slice(KEY.length) : '';
  // Any client can send a value that looks like a marker.
  if (KEY_ID_PATTERN.test(keyId)) return cannotDecrypt(keyId);
  return 'The payload could not be decoded. Send JSON with the metadata "encoding: json/plain".';
}
