import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { timeSchema } from '../time.ts';
import { roleSchema } from './role.ts';

/** An API key, without the key itself, of which only a hash is stored. Times are ISO 8601 UTC. */
export const apiKeySchema = z.object({
  id: z.string(),
  /** For people: what the key is for. */
  name: z.string(),
  user: z.string(),
  role: roleSchema,
  /** The first characters of the key. */
  hint: z.string(),
  createdAt: z.string(),
  /** The operator; `(store)` for a key that was created on the store. */
  createdBy: z.string(),
  /** Null: the key does not expire. */
  expiresAt: z.string().nullable(),
  /** To about a minute. Null: never. */
  lastUsedAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  revokedBy: z.string().nullable(),
});
export type ApiKey = z.infer<typeof apiKeySchema>;

/** Body of `POST /v1/keys`. */
export const createApiKeySchema = z.strictObject({
  /** The user whose data the key opens; for operators and readers, their name in the audit trail. */
  user: z.string().min(1).max(LIMITS.userBytes.value),
  /** Default `user`. */
  role: roleSchema.default('user'),
  /** Default: empty. */
  name: z
    .string()
    .max(LIMITS.apiKeyNameCharacters.value)
    .regex(/^[ -~\u00A0-\uFFFF]*$/, 'must not contain control characters')
    .default(''),
  /** A time in the future. Default: the key does not expire. */
  expiresAt: timeSchema.optional(),
});
export type CreateApiKey = z.input<typeof createApiKeySchema>;

/** Response of `POST /v1/keys`: the only time that the key itself is shown. */
export const createdApiKeySchema = apiKeySchema.extend({ key: z.string() });
export type CreatedApiKey = z.infer<typeof createdApiKeySchema>;
