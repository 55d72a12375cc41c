import { z } from 'zod';

/** How workers serve sessions: `serving:` in the deployment file. */
export const servingSettingsSchema = z.strictObject({
  /**
   * How long a worker keeps serving a session after its last run, for the next message: that message then takes no task of
   * Temporal. Default 60,000 ms, about as long as a person thinks; 0: the session returns to Temporal after each run.
   */
  lingerMs: z.number().int().min(0).max(600_000).optional(),
});
export type ServingSettings = z.infer<typeof servingSettingsSchema>;

/** Applies the defaults. */
export function resolveServing({ lingerMs = 60_000 }: ServingSettings = {}): { readonly lingerMs: number } {
  return { lingerMs };
}
