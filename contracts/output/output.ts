import { z } from 'zod';
import type { JsonObject } from '../json.ts';
import { outputSchemaProblem } from './output-schema-problem.ts';

/** The JSON Schema (2020-12) of a structured answer: that of an object, within `LIMITS.outputSchema…`, without remote references. */
const answerSchema = z
  .unknown()
  .superRefine((value, context) => {
    const problem = outputSchemaProblem(value);
    if (problem !== null) context.addIssue({ code: 'custom', message: problem.message, path: [...problem.path] });
  })
  .meta({ id: 'AnswerSchema', type: 'object' }) as unknown as z.ZodType<JsonObject, JsonObject>;

/** Asks for a structured answer: the final reply is JSON that matches the schema, or the run fails as `invalid_output`. */
export const outputSpecSchema = z.strictObject({ schema: answerSchema });
export type OutputSpec = z.infer<typeof outputSpecSchema>;

/** Why a reply is no valid structured answer. */
export const rejectedAnswerSchema = z.object({
  /** What the model is shown about it, if another call of the run follows. */
  feedback: z.string(),
  /** The number of the repair that follows, from 1; null if none does, and the run fails. */
  repair: z.number().int().nullable(),
});
export type RejectedAnswer = z.infer<typeof rejectedAnswerSchema>;
