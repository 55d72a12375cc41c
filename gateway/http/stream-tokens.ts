import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { roleSchema, type Role } from '../../contracts/identity/role.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** The only stream that a token opens. `run`: a run without a session. */
export interface StreamTarget {
  readonly kind: 'session' | 'run';
  readonly id: string;
}

/** The credential with which a stream token was requested, as far as the token needs it. */
export interface StreamTokenOwner {
  readonly user: string;
  readonly role: Role;
  /** The API key; null for other credentials. */
  readonly keyId: string | null;
  /** When the credential expires, as `Date.now()`; null: never. */
  readonly expiresAtMs: number | null;
}

/** Tokens that let a page open one event stream, where it can set no header. */
export interface StreamTokens {
  /** The token is valid for some minutes, and not beyond the owner's credential. */
  issue(owner: StreamTokenOwner, target: StreamTarget): { readonly token: string; readonly expiresAt: string };
  /** The owner of a valid token. Throws `unauthenticated`, and `forbidden` for the token of another stream. */
  verify(token: string, target: StreamTarget): StreamTokenOwner;
}

/** The payload and its signature, each in base64url. */
const TOKEN = /^([\w-]+)\.([\w-]+)$/;

/** The second form only where the first one does not suffice: an older gateway accepts no other than that. */
const payloadSchema = z.union([
  z.tuple([z.string(), z.enum(['session', 'run']), z.string(), z.number()]),
  z.tuple([
    z.string(),
    z.enum(['session', 'run']),
    z.string(),
    z.number(),
    z.object({ role: roleSchema, keyId: z.string().nullable(), expiresAtMs: z.number().nullable() }),
  ]),
]);

const PLAIN = { role: 'user', keyId: null, expiresAtMs: null } as const;

/**
 * `secret`: gateways with the same secret accept each other's tokens. Undefined: a random one, for this process only.
 */
export function createStreamTokens(
  secret: string | Uint8Array | undefined,
  now: () => number = Date.now,
): StreamTokens {
  const key =
    secret === undefined ? randomBytes(32) : Buffer.from(hkdfSync('sha256', secret, '', 'perdure stream tokens', 32));
  const sign = (payload: string): Buffer => createHmac('sha256', key).update(payload).digest();
  return {
    issue({ user, role, keyId, expiresAtMs: untilMs }, { kind, id }) {
      const expiresAtMs = Math.min(now() + LIMITS.streamTokenMs.value, untilMs ?? Infinity);
      const isPlain = role === 'user' && keyId === null && untilMs === null;
      const credential = isPlain ? [] : [{ role, keyId, expiresAtMs: untilMs }];
      const payload = Buffer.from(JSON.stringify([user, kind, id, expiresAtMs, ...credential])).toString('base64url');
      const token = `${payload}.${sign(payload).toString('base64url')}`;
      return { token, expiresAt: new Date(expiresAtMs).toISOString() };
    },
    verify(token, target) {
      const [, payload = '', signature = ''] = TOKEN.exec(token) ?? [];
      // Compared as text: more than one text decodes to the same bytes.
      const given = Buffer.from(signature);
      const expected = Buffer.from(sign(payload).toString('base64url'));
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw invalid('not valid here');
      const [user, kind, id, expiresAtMs, credential = PLAIN] = payloadSchema.parse(
        JSON.parse(Buffer.from(payload, 'base64url').toString()),
      );
      if (expiresAtMs <= now()) throw invalid('expired');
      if (kind === target.kind && id === target.id) return { user, ...credential };
      throw new PerdureError(
        'forbidden',
        `The stream token is for another ${kind === target.kind ? kind : 'stream'}. Request one for this stream with POST /v1/stream-tokens.`,
      );
    },
  };
}

function invalid(what: string): PerdureError {
  return new PerdureError(
    'unauthenticated',
    `The stream token in access_token is ${what}. Request another with POST /v1/stream-tokens.`,
  );
}
