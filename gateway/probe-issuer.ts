import { ZodError } from 'zod';
import type { JwtSettings } from '../contracts/identity/auth-settings.ts';
import { fetchKeySet } from './identity/key-set.ts';

/** Fetches the key set of an issuer as a gateway does. Resolves with what is wrong, as a sentence without its full stop; null if nothing is. */
export async function probeIssuer(settings: Pick<JwtSettings, 'issuer' | 'jwksUrl'>): Promise<string | null> {
  let asked = settings.issuer;
  const fetch: typeof globalThis.fetch = (input, init) => {
    asked = input instanceof Request ? input.url : input.toString();
    return globalThis.fetch(input, init);
  };
  try {
    const { keys } = await fetchKeySet(settings, fetch);
    return keys.length > 0 ? null : `${asked} has no public key`;
  } catch (error) {
    if (error instanceof ZodError || error instanceof SyntaxError) {
      return asked.endsWith('/.well-known/openid-configuration')
        ? `${asked} is not a discovery document`
        : `${asked} is not a key set`;
    }
    // The others are of the network: refused, reset, out of time.
    if (!(error instanceof Error) || error.constructor !== Error) return `${asked} does not respond`;
    return error.message.replace(/\.$/, '');
  }
}
