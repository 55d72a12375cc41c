import { z } from 'zod';

/** Limits of active sessions: `limits:` in the deployment file. */
export const sessionLimitsSchema = z.strictObject({
  /** Maximum per user. Default 10,000. */
  activePerUser: z.number().int().min(1).max(1_000_000).optional(),
  /** Maximum of all users together. Default: none. */
  active: z.number().int().min(1).max(100_000_000).optional(),
  /** At a limit, the session that has been idle longest expires if it has been idle for at least this long. Default 30 minutes. */
  evictIdleMs: z.number().int().min(0).optional(),
});

/** Limits of active sessions with all defaults applied. */
export interface SessionLimits {
  readonly activePerUser: number;
  /** Null: no limit. */
  readonly active: number | null;
  readonly evictIdleMs: number;
}

/** Applies the defaults to the limits of a deployment. */
export function sessionLimits(given: z.infer<typeof sessionLimitsSchema> = {}): SessionLimits {
  return {
    activePerUser: given.activePerUser ?? 10_000,
    active: given.active ?? null,
    evictIdleMs: given.evictIdleMs ?? 30 * 60_000,
  };
}
