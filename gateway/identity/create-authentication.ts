import type { AuthSettings } from '../../contracts/identity/auth-settings.ts';
import { requiresAuthentication } from '../../core/identity/requires-authentication.ts';
import type { Db } from '../../store/db/db.ts';
import { findApiKeys, recordApiKeyUse } from '../../store/admin/keys/find-api-keys.ts';
import { sharedSecret } from '../../store/admin/keys/shared-secret.ts';
import type { Authenticate } from '../http/caller.ts';
import { createRateLimit } from '../http/rate-limit.ts';
import { createStreamTokens, type StreamTokens } from '../http/stream-tokens.ts';
import { createAuthenticate } from './authenticate.ts';
import { configuredTokens, type ConfiguredTokens } from './configured-tokens.ts';
import { createJwtVerifier } from './jwt-verifier.ts';
import { createKeyRing, type KeyRing } from './key-ring.ts';
import { createKeySet } from './key-set.ts';

export interface AuthenticationOptions {
  readonly db: Db;
  /** `PERDURE_TOKENS`. */
  readonly tokens: string | undefined;
  /** `PERDURE_OPERATORS`: users, separated by commas. */
  readonly operators: string | undefined;
  readonly settings: AuthSettings | undefined;
  readonly failuresPerMinute: number;
  /** For key sets. Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

export interface Authentication {
  readonly authenticate: Authenticate;
  readonly streamTokens: () => Promise<StreamTokens>;
  /** Whether callers must authenticate. */
  readonly required: boolean;
  /** The API keys; null where they are not accepted. */
  readonly keys: KeyRing | null;
  readonly close: () => void;
}

/** Authentication with the configured kinds of credentials, several at once. Once it is on, API keys are accepted unless they are turned off. */
export function createAuthentication(options: AuthenticationOptions): Authentication {
  const { db, settings, fetch } = options;
  const tokens = configuredTokens(options.tokens);
  const required = requiresAuthentication(options.tokens, settings);
  const operators = new Set((options.operators ?? '').split(',').map((user) => user.trim()));
  const keys =
    required && settings?.keys !== false
      ? createKeyRing({
          find: (lookup) => findApiKeys(db, lookup),
          recordUse: (id) => recordApiKeyUse(db, id),
        })
      : null;
  const jwt = settings?.jwt;
  const streamTokens = streamTokensOf(db, required, tokens);
  const authenticate = createAuthenticate(
    {
      tokens,
      keys,
      verifyJwt: jwt === undefined ? null : createJwtVerifier(jwt, createKeySet({ settings: jwt, fetch })),
      streamTokens,
      isOperator: (user) => user !== '' && operators.has(user),
    },
    createRateLimit(options.failuresPerMinute),
  );
  return { authenticate, streamTokens, required, keys, close: () => keys?.close() };
}

/** Every gateway of a deployment accepts the stream tokens of the others: the secret is derived from their tokens, or stored. */
function streamTokensOf(db: Db, required: boolean, tokens: ConfiguredTokens | null): () => Promise<StreamTokens> {
  if (tokens !== null || !required) {
    const own = createStreamTokens(tokens?.secret);
    return async () => own;
  }
  let stored: Promise<StreamTokens> | undefined;
  return () => {
    stored ??= sharedSecret(db, 'stream-tokens').then(
      (secret) => createStreamTokens(secret),
      (error: unknown) => {
        stored = undefined;
        throw error;
      },
    );
    return stored;
  };
}
