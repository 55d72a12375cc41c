import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { runFilterFields, sessionFilterFields } from '../session/list-filters.ts';
import { runRecordSchema } from '../session/run.ts';
import { sessionStatusSchema } from '../session/session.ts';
import { daySchema } from '../time.ts';

/** What a batch does: with runs (`cancel`, `resume`), or with sessions (`end`, `archive`). */
export const batchActionSchema = z.enum(['cancel', 'resume', 'end', 'archive']);
export type BatchAction = z.infer<typeof batchActionSchema>;

const number = (): z.ZodNumber => z.number();

/** Whose. Without any other filter, `all` is required. */
const scopeFields = {
  user: z.string().min(1).max(LIMITS.userBytes.value).optional(),
  /** States that everything is meant that the action applies to. Default false. */
  all: z.boolean().default(false),
};

/** Which runs. Default status: `open` for `cancel`, `failed` for `resume`. */
export const batchRunFilterSchema = z.strictObject({
  ...runFilterFields(number),
  ...scopeFields,
  from: daySchema.optional(),
  to: daySchema.optional(),
});

/** Which sessions. Default status: `active` for `end`; any but `active` for `archive`. */
export const batchSessionFilterSchema = z.strictObject({
  ...sessionFilterFields(number),
  ...scopeFields,
  status: sessionStatusSchema.optional(),
  metadata: z.record(z.string().min(1).max(200), z.string().max(1_000)).optional(),
  minErrorRate: z.number().min(0).max(1).optional(),
});

const requestFields = {
  /** The same id with the same body is the same batch. Default: a new one. */
  id: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be 1 to 100 letters, digits, ".", "_" or "-"')
    .optional(),
  /** Counts what matches, with a sample, and changes nothing. Default false. */
  dryRun: z.boolean().default(false),
  /** How many runs or sessions are changed in a second at most. Default 20. */
  perSecond: z.number().int().min(1).max(LIMITS.batchItemsPerSecond.value).default(20),
};

/** Body of `POST /v1/batches`. */
export const batchRequestSchema = z.union([
  z.strictObject({ ...requestFields, action: z.enum(['cancel', 'resume']), filter: batchRunFilterSchema }),
  z.strictObject({
    ...requestFields,
    action: z.literal('end'),
    filter: batchSessionFilterSchema,
    /** The status of the sessions afterwards. Default `completed`. */
    status: z.enum(['completed', 'failed']).default('completed'),
    /** Kept with each session. Default: none. */
    reason: z.string().max(1_000).optional(),
  }),
  z.strictObject({ ...requestFields, action: z.literal('archive'), filter: batchSessionFilterSchema }),
]);
export type BatchRequest = z.output<typeof batchRequestSchema>;
export type BatchInput = z.input<typeof batchRequestSchema>;

/** What a worker does for a batch. */
export type BatchOrder = WithoutRequest<BatchRequest>;
type WithoutRequest<T> = T extends BatchRequest ? Omit<T, 'id' | 'dryRun'> : never;

/** A run or a session of a batch. `runId`: null for a session. */
const targetFields = { user: z.string(), sessionId: z.string(), runId: z.string().nullable() };

/** Result of a dry run: what a batch would begin with now. */
export const batchPreviewSchema = z.object({
  action: batchActionSchema,
  /** How many match; at most one more than a batch takes. */
  matches: z.number().int(),
  /** Some of them. */
  sample: z.array(
    z.object({
      ...targetFields,
      agent: z.string(),
      /** Of the run, or of the session. */
      status: z.string(),
      createdAt: z.string(),
      costUsd: runRecordSchema.shape.costUsd,
    }),
  ),
});
export type BatchPreview = z.infer<typeof batchPreviewSchema>;

/** `skipped`: it needed no change, or does not match any more. */
export const batchOutcomeSchema = z.enum(['done', 'skipped', 'failed']);
export type BatchOutcome = z.infer<typeof batchOutcomeSchema>;

/** A batch, in progress or ended. Times are ISO 8601 UTC. */
export const batchSchema = z.object({
  id: z.string(),
  action: batchActionSchema,
  /** As it was requested. */
  filter: z.record(z.string(), z.unknown()),
  perSecond: z.number().int(),
  /** The operator. */
  by: z.string(),
  /** `waiting`: for a worker. `selecting`: what matches is being listed. */
  status: z.enum(['waiting', 'selecting', 'running', 'completed', 'cancelled']),
  createdAt: z.string(),
  endedAt: z.string().nullable(),
  /** How many runs or sessions were selected so far. */
  matched: z.number().int(),
  /** Whether more match than a batch takes; those are left. */
  truncated: z.boolean(),
  done: z.number().int(),
  skipped: z.number().int(),
  failed: z.number().int(),
  /** How many were skipped or failed, by the reason. Only in the report of one batch. */
  reasons: z.array(z.object({ outcome: batchOutcomeSchema, code: z.string(), count: z.number().int() })).optional(),
});
export type Batch = z.infer<typeof batchSchema>;

/** Response of `GET /v1/batches`: newest first. */
export const batchPageSchema = z.object({ data: z.array(batchSchema), nextCursor: z.string().nullable() });
export type BatchPage = z.infer<typeof batchPageSchema>;

/** What a batch did with one run or session. */
export const batchItemSchema = z.object({
  ...targetFields,
  /** Null while it is to be done. */
  outcome: batchOutcomeSchema.nullable(),
  /** Why it was skipped or failed: `no_match`, `unchanged`, `has_open_run`, or the code of an error. */
  code: z.string().nullable(),
  detail: z.string().nullable(),
  endedAt: z.string().nullable(),
});
export type BatchItem = z.infer<typeof batchItemSchema>;

/** Response of `GET /v1/batches/{batch}/items`. */
export const batchItemPageSchema = z.object({ data: z.array(batchItemSchema), nextCursor: z.string().nullable() });
export type BatchItemPage = z.infer<typeof batchItemPageSchema>;
