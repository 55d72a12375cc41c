import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import type { JwtSettings } from '../../contracts/identity/auth-settings.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { fetchJson } from './fetch-json.ts';

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });

/** The public keys of an issuer. */
export interface KeySet {
  /** The key of a token, for jose. */
  readonly keyOf: JWTVerifyGetKey;
}

interface Loaded {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly atMs: number;
}

export interface KeySetOptions {
  readonly settings: Pick<JwtSettings, 'issuer' | 'jwksUrl'>;
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly now?: (() => number) | undefined;
}

/**
 * Fetches an issuer's key set with the first token, every few minutes in the background, and when a token names a key that it
 * does not have. However many tokens name unknown keys, a cool-down separates two requests. While the issuer does not
 * respond, the last key set stays in use, for a day at most.
 */
export function createKeySet({ settings, fetch = globalThis.fetch, now = Date.now }: KeySetOptions): KeySet {
  let loaded: Loaded | null = null;
  let loading: Promise<void> | null = null;
  let askedAtMs = -Infinity;

  /** Joins a request on its way. Null during the cool-down. */
  function load(): Promise<void> | null {
    if (loading !== null) return loading;
    if (now() - askedAtMs < LIMITS.keySetCoolDownMs.value) return null;
    askedAtMs = now();
    loading = fetchKeySet(settings, fetch)
      .then((keys) => void (loaded = { find: createLocalJWKSet(keys), atMs: askedAtMs }))
      .finally(() => (loading = null));
    loading.catch(() => undefined);
    return loading;
  }

  async function current(): Promise<Loaded> {
    const ageMs = loaded === null ? Infinity : now() - loaded.atMs;
    if (ageMs > LIMITS.keySetRefreshMs.value) {
      const refreshed = load();
      if (loaded === null || ageMs > LIMITS.keySetKeptMs.value) {
        loaded = null;
        await refreshed?.catch(() => undefined);
      }
    }
    if (loaded !== null) return loaded;
    throw new PerdureError(
      'issuer_unavailable',
      `The token cannot be verified, because the keys of the issuer ${JSON.stringify(settings.issuer)} cannot be read. Try again.`,
    );
  }

  return {
    async keyOf(header, token) {
      const before = await current();
      try {
        return await before.find(header, token);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
        const refreshed = load();
        if (refreshed === null) throw error;
        await refreshed.catch(() => undefined);
        return await (await current()).find(header, token);
      }
    },
  };
}

/** Reads the key set at its address, or at the one in the issuer's discovery document. */
export async function fetchKeySet(
  { issuer, jwksUrl }: KeySetOptions['settings'],
  fetch: typeof globalThis.fetch,
): Promise<JSONWebKeySet> {
  const url = jwksUrl ?? (await discover(issuer, fetch));
  const { keys } = keySetSchema.parse(await fetchJson(url, fetch));
  // Shared secrets do not belong into a public document.
  return { keys: keys.filter(({ kty }) => kty !== 'oct') };
}

async function discover(issuer: string, fetch: typeof globalThis.fetch): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const found = discoverySchema.parse(await fetchJson(address, fetch));
  if (found.issuer !== issuer) throw new Error(`The discovery document at ${address} is of another issuer.`);
  // A document that came over TLS must not send us to a plain address.
  if (issuer.startsWith('https:') && !found.jwks_uri.startsWith('https:')) {
    throw new Error(`The discovery document at ${address} names a key set without TLS.`);
  }
  return found.jwks_uri;
}
