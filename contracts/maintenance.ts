import { z } from 'zod';

const DAY_MS = 24 * 3_600_000;
const durationMs = z
  .number()
  .int()
  .min(0)
  .max(3_650 * DAY_MS);

/** How a deployment cleans up by itself: `maintenance:` in the deployment file. */
export const maintenanceSettingsSchema = z.strictObject({
  /** Between two sweeps. Default 6 hours. */
  intervalMs: z
    .number()
    .int()
    .min(60_000)
    .max(30 * DAY_MS)
    .optional(),
  /** A session of whose runs a larger part has failed becomes failed. Default 0.5; 1: none. */
  failOverErrorRate: z.number().min(0).max(1).optional(),
  /** A session of whose runs a larger part has failed is warned of. Default 0.3. */
  warnOverErrorRate: z.number().min(0).max(1).optional(),
});
export type MaintenanceSettings = z.infer<typeof maintenanceSettingsSchema>;

/** What is to be cleaned now. With neither time it is what the schedule does. */
export const cleanRequestSchema = z.strictObject({
  /** Removes sessions in which nothing has happened for so long, active ones too. */
  idleMs: durationMs.optional(),
  /** Removes sessions that were created so long ago. */
  olderMs: durationMs.optional(),
  /** Says what it would do, and does nothing. */
  dryRun: z.boolean().optional(),
});
export type CleanRequest = z.infer<typeof cleanRequestSchema>;

/** What a sweep does to a session. `error`: it could not be done, and `reason` says why. */
export const sweepActionSchema = z.enum(['expired', 'failed', 'warned', 'archived', 'deleted', 'error']);
export type SweepAction = z.infer<typeof sweepActionSchema>;

/** A sweep as it is or was. */
const sweepRecordSchema = z.object({
  id: z.string(),
  /** Whose sessions it was over; null: everybody's. */
  user: z.string().nullable(),
  startedAt: z.string(),
  /** Null while it goes on. */
  endedAt: z.string().nullable(),
  dryRun: z.boolean(),
  /** Sessions looked at. */
  seen: z.number().int(),
  /** Sessions by what was done to them. */
  counts: z.partialRecord(sweepActionSchema, z.number().int()),
});
export type SweepRecord = z.infer<typeof sweepRecordSchema>;

/** A page of sweeps. */
export const sweepPageSchema = z.object({ data: z.array(sweepRecordSchema), nextCursor: z.string().nullable() });
export type SweepPage = z.infer<typeof sweepPageSchema>;

/** A sweep and a page of what it did. */
export const sweepSchema = sweepRecordSchema.extend({
  /** By user and session. */
  actions: z.array(
    z.object({ user: z.string(), session: z.string(), action: sweepActionSchema, reason: z.string(), at: z.string() }),
  ),
  /** Where the next page of actions begins; null on the last one. */
  nextCursor: z.string().nullable(),
});
export type Sweep = z.infer<typeof sweepSchema>;
