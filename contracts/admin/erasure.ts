import { z } from 'zod';

/** What an erasure does, in this order. `stop`: no work of the user's begins any more, and what is in progress is stopped. */
export const ERASURE_STEPS = [
  'stop',
  'temporal',
  'sessions',
  'attachments',
  'memories',
  'rows',
  'providers',
  'verify',
] as const;
export const erasureStepSchema = z.enum(ERASURE_STEPS);
export type ErasureStep = z.infer<typeof erasureStepSchema>;

/** What providers were to delete, because they keep conversations (`history: service`). */
const erasedConversationsSchema = z.object({
  /** Left to be deleted: the provider was not reached, or has refused it for now. */
  pending: z.number().int(),
  /** Not deleted: the provider has refused it for good, or for too long. */
  givenUp: z.number().int(),
});

/** The report of an erasure. Times are ISO 8601 UTC. */
export const erasureSchema = z.object({
  id: z.string(),
  /** The user; null once the erasure has ended, because nothing names the user then. */
  user: z.string().nullable(),
  requestedAt: z.string(),
  /** Null while it is in progress. */
  endedAt: z.string().nullable(),
  /** Time from the request to the end, or until now. */
  durationMs: z.number().int(),
  /** The step in progress; null before a worker has begun, and after the end. */
  step: erasureStepSchema.nullable(),
  /** Number of things erased by place, such as `temporal.executions`, `files.archives` or `rows.events`. */
  counts: z.record(z.string(), z.number().int()),
  /** Why the last attempt of the step failed; it is repeated. Null otherwise. */
  error: z.string().nullable(),
  /** Present if a provider has not deleted what it keeps yet. That goes on after the end. */
  providerConversations: erasedConversationsSchema.optional(),
});
export type Erasure = z.infer<typeof erasureSchema>;

/** Response of `GET /v1/erasures`: a page of erasures, newest first. */
export const erasurePageSchema = z.object({ data: z.array(erasureSchema), nextCursor: z.string().nullable() });
export type ErasurePage = z.infer<typeof erasurePageSchema>;
