import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { isLoopback } from './loopback.ts';

/** The user of a request. Throws `unauthenticated`, `forbidden` or `invalid_request`. */
export type Authenticate = (request: Request) => string;

/** With tokens the bearer token determines the user; without, the header `Perdure-User`, on loopback only. */
export function authenticationFrom(tokens: string | undefined): { authenticate: Authenticate; configured: boolean } {
  const configured = tokens !== undefined && tokens.trim() !== '';
  return { authenticate: configured ? byToken(parseTokens(tokens)) : byHeader, configured };
}

/** For development: trusts the header. Rejects requests from pages of other sites, which a browser would send to loopback. */
function byHeader(request: Request): string {
  const { hostname } = new URL(request.url);
  if (!isLoopback(hostname)) {
    throw new PerdureError(
      'forbidden',
      `The host ${JSON.stringify(hostname)} is not a loopback address. Without authentication, call the gateway by localhost or 127.0.0.1, or set PERDURE_TOKENS.`,
    );
  }
  const origin = request.headers.get('origin');
  if (origin !== null && !isLoopback(URL.parse(origin)?.hostname ?? '')) {
    throw new PerdureError(
      'forbidden',
      `Pages of ${JSON.stringify(origin.slice(0, 200))} cannot call a gateway without authentication. Set PERDURE_TOKENS.`,
    );
  }
  return userFrom(request.headers.get('perdure-user'));
}

/** Header values are Latin-1, so the user is percent-encoded. */
function userFrom(header: string | null): string {
  const text = header?.trim() ?? '';
  if (text === '') return 'local';
  try {
    // The encoding of bytes beyond ASCII is unknown.
    if (/^[\x20-\x7e]+$/.test(text)) return decodeURIComponent(text);
  } catch {
    // Falls through to the error.
  }
  throw new PerdureError(
    'invalid_request',
    `The header Perdure-User (${JSON.stringify(text.slice(0, 80))}) is not percent-encoded UTF-8. Encode the user as encodeURIComponent does; a "%" is "%25".`,
  );
}

interface Token {
  readonly hash: Buffer;
  readonly user: string;
}

function byToken(tokens: readonly Token[]): Authenticate {
  return function authenticateByToken(request) {
    const [scheme = '', token = ''] = (request.headers.get('authorization') ?? '').split(/ +/);
    if (scheme.toLowerCase() !== 'bearer' || token === '') {
      throw new PerdureError(
        'unauthenticated',
        'The request has no credential. Send the header Authorization: Bearer with your token.',
      );
    }
    const hash = hashOf(token);
    // Compares every entry, so that the duration does not reveal which one matched.
    const [found] = tokens.filter((candidate) => timingSafeEqual(candidate.hash, hash));
    if (found === undefined) {
      throw new PerdureError('unauthenticated', 'The bearer token is unknown. Check it, or request a new one.');
    }
    return found.user;
  };
}

const tokenTable = z.record(z.string().min(1), z.string().min(1));

/** `{"token": "user", …}`, or `token=user,…`. Throws an Error that names the setting, never a token. */
function parseTokens(text: string): Token[] {
  const table = text.trim().startsWith('{') ? tokensOfJson(text) : tokensOfList(text);
  return Object.entries(table).map(([token, user]) => ({ hash: hashOf(token), user }));
}

function tokensOfJson(text: string): Record<string, string> {
  try {
    return tokenTable.parse(JSON.parse(text));
  } catch {
    throw new Error('PERDURE_TOKENS starts with "{" but is not a JSON object that maps tokens to users.');
  }
}

function tokensOfList(text: string): Record<string, string> {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  return Object.fromEntries(
    entries.map((entry, index) => {
      const at = entry.indexOf('=');
      if (at < 1 || at === entry.length - 1) {
        throw new Error(`PERDURE_TOKENS: entry ${index + 1} is not token=user. Use token=user,token=user or JSON.`);
      }
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
