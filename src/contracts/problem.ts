import { z } from 'zod';

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
});
export type Problem = z.infer<typeof problemSchema>;
