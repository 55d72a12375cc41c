import { z } from 'zod';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** An address of the issuer: its keys decide who gets in, so they are fetched over TLS, except from this machine. */
const issuerUrlSchema = z
  .url({ protocol: /^https?$/ })
  .max(2_000)
  .refine((text) => {
    const url = URL.parse(text);
    return url?.protocol === 'https:' || LOOPBACK.test(url?.hostname ?? '');
  }, 'must begin with https:// unless the host is this machine');

/** Signature algorithms with a public key. Those with a shared secret would let whoever has the public key sign. */
const jwtAlgorithmSchema = z.enum([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
]);

const claimSchema = z.string().min(1).max(200);
const valuesSchema = z.array(z.string().min(1).max(500)).min(1).max(100);

/** Roles that the claims of a token give. */
const jwtRolesSchema = z.strictObject({
  /** The claim: a name, or a path such as `realm_access.roles`. Its value is a text with values separated by spaces, or a list. */
  claim: claimSchema,
  /** Values of the claim that give the role. Of several roles, the first in this order counts. */
  operator: valuesSchema.optional(),
  service: valuesSchema.optional(),
  reader: valuesSchema.optional(),
  /** Default: every valid token has at least the role `user`. With values, a token without any of the values is refused. */
  user: valuesSchema.optional(),
});

/** JSON Web Tokens (RFC 7519) of one issuer, such as an OpenID Connect provider. */
export const jwtSettingsSchema = z.strictObject({
  /** The claim `iss`, exactly. */
  issuer: z.string().min(1).max(2_000),
  /** The claim `aud`: one of these. */
  audience: z.union([z.string().min(1).max(500), valuesSchema]),
  /** The issuer's key set. Default: that of the discovery document at `{issuer}/.well-known/openid-configuration`. */
  jwksUrl: issuerUrlSchema.optional(),
  /** Default `[RS256, ES256, EdDSA]`. */
  algorithms: z.array(jwtAlgorithmSchema).min(1).max(10).optional(),
  /** The claim that names the user: a name or a path. Its value is a text. Default `sub`. */
  userClaim: claimSchema.optional(),
  /** Default: every token has the role `user`. */
  roles: jwtRolesSchema.optional(),
  /** The claim that names the user's groups, in addition to `groups:` of the deployment file. Default: none. */
  groupsClaim: claimSchema.optional(),
  /** Difference between the clocks that is tolerated. Default 30 seconds. */
  leewaySeconds: z.number().int().min(0).max(300).optional(),
  /** The oldest token that is accepted, by its claim `iat`, whatever its expiry. Default 86,400 seconds. */
  maxAgeSeconds: z.number().int().min(60).max(31_536_000).optional(),
});
export type JwtSettings = z.infer<typeof jwtSettingsSchema>;

/** Who may call the gateways: `auth:` in the deployment file. */
export const authSettingsSchema = z
  .strictObject({
    /** Whether API keys are accepted. `true` turns authentication on. Default: they are, once authentication is on. */
    keys: z.boolean().optional(),
    /** Turns authentication on. */
    jwt: jwtSettingsSchema.optional(),
  })
  .refine(
    ({ jwt }) => jwt === undefined || jwt.jwksUrl !== undefined || issuerUrlSchema.safeParse(jwt.issuer).success,
    { path: ['jwt', 'issuer'], message: 'must be a URL with https:// for discovery; or set jwksUrl' },
  );
export type AuthSettings = z.infer<typeof authSettingsSchema>;
