import { z } from 'zod';

/** How many sessions may be active: `limits:` in the deployment file. */
export const sessionLimitsSchema = z.strictObject({
  /** Of one user. Default 10,000. */
  activePerUser: z.number().int().min(1).max(1_000_000).optional(),
  /** Of all users. Default: no limit but each user's. */
  active: z.number().int().min(1).max(100_000_000).optional(),
  /** At a limit, the session that was idle longest expires, if that was for so long. Default 30 minutes. */
  evictIdleMs: z.number().int().min(0).optional(),
});

/** The limits in force. */
export interface SessionLimits {
  readonly activePerUser: number;
  /** Null: none. */
  readonly active: number | null;
  readonly evictIdleMs: number;
}

/** What a deployment sets, with the defaults. */
export function sessionLimits(given: z.infer<typeof sessionLimitsSchema> = {}): SessionLimits {
  return {
    activePerUser: given.activePerUser ?? 10_000,
    active: given.active ?? null,
    evictIdleMs: given.evictIdleMs ?? 30 * 60_000,
  };
}
