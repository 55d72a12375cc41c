import { z } from 'zod';

/** What Redis keeps: `redis:` in the deployment file. */
export const redisSettingsSchema = z.strictObject({
  /** How long Redis keeps anything of a session after its last change. Default 7,200,000 ms, two hours. */
  expiryMs: z
    .number()
    .int()
    .min(60_000)
    .max(7 * 86_400_000)
    .optional(),
  /** The beginning of all keys and channels. Set another one for each deployment that shares a Redis. Default `perdure`. */
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,40}$/, 'Use 1 to 40 letters, digits, "-" and "_".')
    .optional(),
});
export type RedisSettings = z.infer<typeof redisSettingsSchema>;
