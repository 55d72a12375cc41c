import { z } from 'zod';
import { budgetFactsSchema } from './budget.ts';

/** The body of an HTTP error: RFC 9457, `application/problem+json`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** An `ErrorCode` of `contracts/errors.ts`. A client may meet codes that are newer than it. */
  code: z.string(),
  /** What failed, the offending value and the remedy. */
  detail: z.string(),
  requestId: z.string(),
  /** With `budget_exceeded`: the exceeded budget. */
  budget: budgetFactsSchema.optional(),
});
export type Problem = z.infer<typeof problemSchema>;
