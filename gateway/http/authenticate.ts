import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { isLoopback } from './loopback.ts';

/** Who a request is from. Throws `unauthenticated`, `forbidden`, or `invalid_request`. */
export type Authenticate = (request: Request) => string;

/** With tokens, the bearer token says who; without, the header `Perdure-User`, on loopback only. */
export function authenticationFrom(tokens: string | undefined): { authenticate: Authenticate; configured: boolean } {
  const configured = tokens !== undefined && tokens.trim() !== '';
  return { authenticate: configured ? byToken(parseTokens(tokens)) : byHeader, configured };
}

/** For development: the user is who they say. Pages of other sites are kept out, who could reach loopback through a browser. */
function byHeader(request: Request): string {
  const { hostname } = new URL(request.url);
  if (!isLoopback(hostname)) {
    throw new PerdureError(
      'forbidden',
      `The host ${JSON.stringify(hostname)} is not this machine. Without authentication call the gateway by localhost or 127.0.0.1, or set PERDURE_TOKENS.`,
    );
  }
  const origin = request.headers.get('origin');
  if (origin !== null && !isLoopback(URL.parse(origin)?.hostname ?? '')) {
    throw new PerdureError(
      'forbidden',
      `Pages of ${JSON.stringify(origin.slice(0, 200))} may not call a gateway without authentication. Set PERDURE_TOKENS.`,
    );
  }
  return userFrom(request.headers.get('perdure-user'));
}

/** Header values are Latin-1, so that other alphabets travel percent-encoded. */
function userFrom(header: string | null): string {
  const text = header?.trim() ?? '';
  if (text === '') return 'local';
  try {
    // Beyond ASCII nobody can say which encoding was meant.
    if (/^[\x20-\x7e]+$/.test(text)) return decodeURIComponent(text);
  } catch {
    // Told below.
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
      throw new PerdureError('unauthenticated', 'No credential was given. Send Authorization: Bearer with your token.');
    }
    const hash = hashOf(token);
    // Every entry is compared, so that the time tells nothing of which one matched.
    const [found] = tokens.filter((candidate) => timingSafeEqual(candidate.hash, hash));
    if (found === undefined) {
      throw new PerdureError('unauthenticated', 'The bearer token is not known here. Check it, or ask for a new one.');
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
    throw new Error('PERDURE_TOKENS begins with "{" but is not a JSON object of token to user.');
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
