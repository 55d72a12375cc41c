import { PerdureError } from '../contracts/errors.ts';

/** An address of Redis. */
export interface RedisUrl {
  readonly url: string;
  /** `host:port`, without what is secret. */
  readonly address: string;
}

const REMEDY =
  'Set it to redis://user:password@host:6379, or rediss://… for TLS, with special characters percent-encoded.';

/** Parses `REDIS_URL`. Throws `invalid_request`, whose message never contains the URL: it may have a password. */
export function parseRedisUrl(text: string): RedisUrl {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url) throw invalid('is not a URL');
  const { protocol, hostname, port, pathname, username, password } = url;
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw invalid(`begins with ${JSON.stringify(protocol)}`);
  if (hostname === '') throw invalid('names no host');
  if (!/^\/?\d*$/.test(pathname)) throw invalid('names a database that is not a number');
  if (!isEncoded(username) || !isEncoded(password)) throw invalid('has credentials that are not percent-encoded');
  return { url: text, address: `${hostname}:${port || '6379'}` };
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function invalid(what: string): PerdureError {
  return new PerdureError('invalid_request', `REDIS_URL ${what}. ${REMEDY}`);
}
