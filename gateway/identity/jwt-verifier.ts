import { errors, jwtVerify, type JWTPayload } from 'jose';
import { PerdureError } from '../../contracts/errors.ts';
import type { JwtSettings } from '../../contracts/identity/auth-settings.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { sessionKey } from '../../contracts/session/session-key.ts';
import { claimOf, roleOf, valuesOf } from '../../core/identity/claims.ts';
import type { Caller } from '../http/caller.ts';
import type { KeySet } from './key-set.ts';

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const LEEWAY_S = 30;
const MAX_AGE_S = 86_400;

/** The caller of a valid JSON Web Token. Rejects with `unauthenticated`, and with `forbidden` for a token without any role. */
export type VerifyJwt = (token: string) => Promise<Caller>;

/** Whether a text has the form of a signed JSON Web Token: three parts in base64url. */
export function isJwt(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

/**
 * Verifies tokens against the issuer's key set. Only the configured algorithms count, and only keys of that set: what the token's
 * header says about keys (`jwk`, `jku`, `x5c`, `x5u`) is not used, and a critical extension is refused.
 */
export function createJwtVerifier(settings: JwtSettings, { keyOf }: KeySet, now: () => number = Date.now): VerifyJwt {
  const { issuer, audience, algorithms = ALGORITHMS, userClaim = 'sub', groupsClaim, roles } = settings;
  const leewaySeconds = settings.leewaySeconds ?? LEEWAY_S;
  return async (token) => {
    if (token.length > LIMITS.jwtBytes.value) throw refused('is larger than 8 KiB');
    const claims = await verified(() =>
      jwtVerify(token, keyOf, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: leewaySeconds,
        maxTokenAge: settings.maxAgeSeconds ?? MAX_AGE_S,
        requiredClaims: ['exp'],
        currentDate: new Date(now()),
      }),
    );
    const role = roleOf(claims, roles);
    if (role === null) {
      throw new PerdureError(
        'forbidden',
        `The token has none of the values of the claim ${JSON.stringify(roles?.claim)} that give a role. Request one from whoever manages the issuer.`,
      );
    }
    return {
      user: userOf(claimOf(claims, userClaim), userClaim),
      role,
      groups: groupsClaim === undefined ? [] : valuesOf(claimOf(claims, groupsClaim)),
      byName: false,
      keyId: null,
      expiresAtMs: ((claims.exp ?? 0) + leewaySeconds) * 1_000,
    };
  };
}

/** Only a text names a user: of a number, another text could be the same user. */
function userOf(claim: unknown, name: string): string {
  if (typeof claim !== 'string')
    throw refused(`has no text as its claim ${JSON.stringify(name)}, which names the user`);
  try {
    return sessionKey(claim, 'any').user;
  } catch {
    throw refused(`has a claim ${JSON.stringify(name)} that cannot be a user`);
  }
}

async function verified(verify: () => Promise<{ readonly payload: JWTPayload }>): Promise<JWTPayload> {
  try {
    return (await verify()).payload;
  } catch (error) {
    if (error instanceof PerdureError) throw error;
    throw refused(reasonOf(error));
  }
}

/** Never quotes the token. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    return `is not valid here: its claim ${JSON.stringify(error.claim)} ${error.reason === 'missing' ? 'is missing' : 'does not fit'}`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'is signed with an algorithm that is not accepted';
  if (error instanceof errors.JWKSNoMatchingKey) return 'is signed with a key that its issuer does not have';
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'does not say with which key it is signed';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'has a wrong signature';
  return 'is not a valid JSON Web Token';
}

function refused(reason: string): PerdureError {
  return new PerdureError('unauthenticated', `The bearer token ${reason}. Request a new one from its issuer.`);
}
