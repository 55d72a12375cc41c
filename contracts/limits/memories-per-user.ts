import { z } from 'zod';

/** How much one user may have: `limits:` in the deployment file. */
export const memoryLimitsSchema = z.strictObject({
  /** Memories of one user, with those that corrections have superseded. Default 100,000. */
  memoriesPerUser: z.number().int().min(1).max(1_000_000).optional(),
});

/** The limit with its default applied. */
export function memoriesPerUser(given: z.output<typeof memoryLimitsSchema> = {}): number {
  return given.memoriesPerUser ?? 100_000;
}
