import { hash } from 'node:crypto';
import { PerdureError } from '../../contracts/errors.ts';
import { API_KEY_PREFIX, isApiKey } from '../../core/identity/api-key-format.ts';
import { bearerToken } from '../../core/text/bearer-token.ts';
import type { Authenticate, Caller, RequestOrigin } from '../http/caller.ts';
import type { RateLimit } from '../http/rate-limit.ts';
import type { StreamTokens } from '../http/stream-tokens.ts';
import { actFor } from './act-for.ts';
import { checkSite } from './check-site.ts';
import type { ConfiguredTokens } from './configured-tokens.ts';
import { isJwt, type VerifyJwt } from './jwt-verifier.ts';
import type { KeyRing } from './key-ring.ts';
import { namedUser } from './named-user.ts';

/** The kinds of credentials that a gateway accepts. Without any of the first three it has no authentication. */
export interface Credentials {
  readonly tokens: ConfiguredTokens | null;
  /** Null: API keys are not accepted. */
  readonly keys: KeyRing | null;
  readonly verifyJwt: VerifyJwt | null;
  readonly streamTokens: () => Promise<StreamTokens>;
  /** Whether a user of `tokens` is an operator. */
  readonly isOperator: (user: string) => boolean;
}

/**
 * The credential determines the user; without authentication the header `Perdure-User` does, on loopback only. In both cases a
 * stream token does, for its stream. `failures`: requests of each address without a valid credential; beyond them the reason is
 * `rate_limited`.
 */
export function createAuthenticate(credentials: Credentials, failures: RateLimit): Authenticate {
  const { tokens, keys, verifyJwt } = credentials;
  const isRequired = tokens !== null || keys !== null || verifyJwt !== null;
  const byCredential = isRequired ? byBearer(credentials, failures) : byHeader;
  return async (request, origin) => {
    const token = origin.stream && new URL(request.url).searchParams.get('access_token');
    if (!origin.stream || token == null) return await byCredential(request, origin);
    if (!isRequired) checkSite(request);
    return await byStreamToken(credentials, token, origin.stream);
  };
}

/** For development: trusts the header. Every user is an operator, because users are not verified. */
async function byHeader(request: Request): Promise<Caller> {
  // A browser would send requests from pages of other sites to loopback, too.
  checkSite(request);
  const user = namedUser(request) ?? 'local';
  return { user, role: 'operator', groups: [], byName: true, keyId: null, expiresAtMs: null };
}

async function byStreamToken(
  { streamTokens, keys, isOperator, tokens }: Credentials,
  token: string,
  stream: NonNullable<RequestOrigin['stream']>,
): Promise<Caller> {
  const owner = (await streamTokens()).verify(token, stream);
  const key = owner.keyId === null ? undefined : await keys?.findById(owner.keyId);
  if (owner.keyId === null || key) {
    // Older gateways issue tokens without a role.
    const byName = tokens !== null && owner.keyId === null && isOperator(owner.user);
    return { ...owner, groups: [], role: byName ? 'operator' : owner.role, byName };
  }
  const message = 'The API key with which the stream token was requested is revoked or has expired. Use another.';
  throw new PerdureError('unauthenticated', message);
}

/** An address that has used up its failures still gets in with a valid credential: a proxy's other callers are not locked out. */
function byBearer({ tokens, keys, verifyJwt, isOperator }: Credentials, failures: RateLimit): Authenticate {
  async function callerOf(request: Request): Promise<Caller> {
    const header = request.headers.get('authorization');
    const token = bearerToken(header);
    if (token === null) throw new PerdureError('unauthenticated', withoutToken(header));
    const user = tokens?.find(token) ?? null;
    if (user !== null) {
      const role = isOperator(user) ? 'operator' : 'user';
      return { user, role, groups: [], byName: true, keyId: null, expiresAtMs: null };
    }
    if (keys !== null && token.startsWith(API_KEY_PREFIX)) return actFor(request, await byKey(keys, token));
    if (verifyJwt !== null && isJwt(token)) return actFor(request, await verifyJwt(token));
    throw new PerdureError('unauthenticated', 'The bearer token is unknown. Check it, or request a new one.');
  }

  return async (request, { address }) => {
    try {
      return await callerOf(request);
    } catch (error) {
      const isFailure = error instanceof PerdureError && error.code === 'unauthenticated';
      const waitMs = isFailure && address !== undefined ? failures.take(address) : 0;
      if (waitMs === 0) throw error;
      const message =
        'Too many requests without a valid credential came from this address. Check the token, then try again.';
      throw new PerdureError('rate_limited', message, { retryAfterMs: waitMs });
    }
  };
}

/** The store is asked only for a key whose checksum is right. */
async function byKey(keys: KeyRing, token: string): Promise<Caller> {
  if (!isApiKey(token)) {
    throw new PerdureError(
      'unauthenticated',
      'The API key is incomplete or mistyped: its checksum is wrong. Check it.',
    );
  }
  const key = await keys.findByHash(hash('sha256', token, 'hex'));
  if (key === null) {
    const message = 'The API key is unknown, has expired or is revoked. Request a new one from an operator.';
    throw new PerdureError('unauthenticated', message);
  }
  const expiresAtMs = key.expiresAt === null ? null : Date.parse(key.expiresAt);
  return { user: key.user, role: key.role, groups: [], byName: false, keyId: key.id, expiresAtMs };
}

/** Never quotes the header, which may hold a token. */
function withoutToken(header: string | null): string {
  if (header === null) return 'The request has no credential. Send the header Authorization: Bearer with your token.';
  return 'The header Authorization is not the scheme Bearer, a space and one token. Send Authorization: Bearer with your token, and nothing after it.';
}
