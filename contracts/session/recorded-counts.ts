import { z } from 'zod';
import { boundedRecord } from '../json-schema.ts';
import { LIMITS } from '../limits.ts';
import { messageIdSchema } from './message.ts';

const MAX_AMOUNT = 1e12;
const whole = z.number().int().min(0).max(MAX_AMOUNT);
const amount = z.number().min(0).max(MAX_AMOUNT);

/** The name of a counter. */
const counterNameSchema = z
  .string()
  .regex(/^(?!__proto__$)[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');

/** What an application adds to its own counts on a session: the body of `POST /v1/sessions/{id}/counts`. */
export const recordCountsSchema = z.strictObject({
  /** Identifies the record: the same key with the same counts is recorded once, however often it is sent. */
  key: messageIdSchema,
  requests: whole.optional(),
  errors: whole.optional(),
  /** Time that the requests took, in ms. */
  processingTimeMs: amount.optional(),
  /** Amounts to add, by the name of the counter. */
  counters: boundedRecord(z.record(counterNameSchema, amount))
    .refine(
      (counters) => Object.keys(counters).length <= LIMITS.countersPerRecord.value,
      `must not have more than ${LIMITS.countersPerRecord.value} counters`,
    )
    .optional(),
});
export type RecordCounts = z.infer<typeof recordCountsSchema>;

/** Sums of what an application has recorded. */
export const recordedCountsSchema = z.object({
  requests: z.number(),
  errors: z.number(),
  /** Share of errors in requests; null without requests. */
  errorRate: z.number().nullable(),
  processingTimeMs: z.number(),
  /** Processing time per request; null without requests. */
  meanMs: z.number().nullable(),
  /** By name. */
  counters: z.record(z.string(), z.number()),
});
export type RecordedCounts = z.infer<typeof recordedCountsSchema>;

/** Response of `POST /v1/sessions/{id}/counts`. */
export const countsRecordedSchema = z.object({
  /** False if the key had been recorded before: nothing was added. */
  recorded: z.boolean(),
  /** The session's sums. */
  counts: recordedCountsSchema,
});
export type CountsRecorded = z.infer<typeof countsRecordedSchema>;
