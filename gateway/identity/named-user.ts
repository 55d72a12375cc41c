import { PerdureError } from '../../contracts/errors.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';

/**
 * The user whom the header `Perdure-User` names, null for none. Header values are Latin-1, so the user is percent-encoded. Throws
 * `invalid_request` for another encoding, and for a user that cannot own a session, so that no route takes one.
 */
export function namedUser({ headers }: Request): string | null {
  const text = headers.get('perdure-user')?.trim() ?? '';
  if (text === '') return null;
  try {
    // The encoding of bytes beyond ASCII is unknown.
    if (/^[\x20-\x7e]+$/.test(text)) return sessionKey(decodeURIComponent(text), 'any').user;
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    // Falls through to the error.
  }
  throw new PerdureError(
    'invalid_request',
    `The header Perdure-User (${JSON.stringify(text.slice(0, 80))}) is not percent-encoded UTF-8. Encode the user as encodeURIComponent does; a "%" is "%25".`,
  );
}
