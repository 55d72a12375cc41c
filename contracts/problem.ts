import { z } from 'zod';
import { budgetFactsSchema } from './budget.ts';

/** An error as HTTP carries it: RFC 9457, `application/problem+json`. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** One of `contracts/errors.ts`. */
  code: z.string(),
  /** What failed, the offending value, the remedy. */
  detail: z.string(),
  requestId: z.string(),
  /** With `budget_exceeded`: what was used, the limit, and when it resets. */
  budget: budgetFactsSchema.optional(),
});
export type Problem = z.infer<typeof problemSchema>;
