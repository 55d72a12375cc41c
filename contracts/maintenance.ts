import { z } from 'zod';

const DAY_MS = 24 * 3_600_000;
const durationMs = z
  .number()
  .int()
  .min(0)
  .max(3_650 * DAY_MS);

/** Scheduled clean-up: `maintenance:` in the deployment file. */
export const maintenanceSettingsSchema = z.strictObject({
  /** Interval between two sweeps. Default 6 hours. */
  intervalMs: z
    .number()
    .int()
    .min(60_000)
    .max(30 * DAY_MS)
    .optional(),
  /** A session with a higher share of failed runs is marked as failed. Default 0.5; 1 disables it. */
  failOverErrorRate: z.number().min(0).max(1).optional(),
  /** A session with a higher share of failed runs is reported as a warning. Default 0.3. */
  warnOverErrorRate: z.number().min(0).max(1).optional(),
  /** The error rate of a session with fewer ended runs is not judged. Default 3. */
  minRunsForErrorRate: z.number().int().min(0).max(1_000_000).optional(),
  /**
   * How many workflows whose history can no longer be replayed each worker may terminate within an hour, so that their
   * sessions continue from the store. Default 20; 0 terminates none.
   */
  terminateStuckPerHour: z.number().int().min(0).max(100_000).optional(),
});
export type MaintenanceSettings = z.infer<typeof maintenanceSettingsSchema>;

/** Request body of `POST /v1/maintenance/clean`. With both times, both must be true of a session. Without them it does the same as a scheduled sweep. */
export const cleanRequestSchema = z.strictObject({
  /** Removes sessions without activity for this long, including active ones. */
  idleMs: durationMs.optional(),
  /** Removes sessions created at least this long ago. */
  olderMs: durationMs.optional(),
  /** Reports what would be done without doing it. Default false. */
  dryRun: z.boolean().optional(),
});
export type CleanRequest = z.infer<typeof cleanRequestSchema>;

/** The action of a sweep on a session. `error`: the action failed, for the reason in `reason`. */
export const sweepActionSchema = z.enum(['expired', 'failed', 'warned', 'archived', 'deleted', 'error']);
export type SweepAction = z.infer<typeof sweepActionSchema>;

/** What providers keep of deleted sessions (`history: service`). */
export const keptConversationsSchema = z.object({
  /** Deleted at the provider by this sweep. */
  deleted: z.number().int(),
  /** Left to be deleted: the provider was not reached, or has refused it for now. */
  pending: z.number().int(),
  /** Not deleted: the provider has refused it for good, or for too long. */
  givenUp: z.number().int(),
});
export type KeptConversations = z.infer<typeof keptConversationsSchema>;

/** The report of a sweep. Times are ISO 8601 UTC. */
const sweepRecordSchema = z.object({
  id: z.string(),
  /** The user whose sessions were swept; null: all users. */
  user: z.string().nullable(),
  startedAt: z.string(),
  /** Null while the sweep is running. */
  endedAt: z.string().nullable(),
  dryRun: z.boolean(),
  /** Number of sessions examined. */
  seen: z.number().int(),
  /** Number of sessions by action. */
  counts: z.partialRecord(sweepActionSchema, z.number().int()),
  /** Present in the report of a sweep of all users that has ended, if a provider has kept anything. */
  keptConversations: keptConversationsSchema.optional(),
});
export type SweepRecord = z.infer<typeof sweepRecordSchema>;

/** Response of `GET /v1/maintenance/sweeps`: a page of sweeps, newest first. */
export const sweepPageSchema = z.object({ data: z.array(sweepRecordSchema), nextCursor: z.string().nullable() });
export type SweepPage = z.infer<typeof sweepPageSchema>;

/** Response of `GET /v1/maintenance/sweeps/{sweep}`: a sweep with a page of its actions. */
export const sweepSchema = sweepRecordSchema.extend({
  /** Ordered by user and session. */
  actions: z.array(
    z.object({ user: z.string(), session: z.string(), action: sweepActionSchema, reason: z.string(), at: z.string() }),
  ),
  /** Cursor of the next page of actions; null on the last page. */
  nextCursor: z.string().nullable(),
});
export type Sweep = z.infer<typeof sweepSchema>;
