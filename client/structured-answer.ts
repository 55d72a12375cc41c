import type { z } from 'zod';
import { PerdureError } from '../contracts/errors.ts';
import type { MessageInput } from '../contracts/session/message.ts';
import { jsonSchemaOf } from '../contracts/output/zod-output.ts';
import { describeIssues } from '../core/text/describe-issues.ts';
import { joinProblems } from '../core/text/field-problem.ts';
import type { Answer } from './await-answer.ts';

/** An answer with the object that a zod schema has parsed. */
export interface StructuredAnswer<T> extends Answer {
  readonly object: T;
}

/** A run has completed, but its answer is not what the sender's zod schema accepts, for instance because of a refinement. */
export class InvalidAnswerError extends Error {
  override readonly name = 'InvalidAnswerError';
  readonly answer: Answer;

  constructor(answer: Answer, problem: string) {
    super(`The answer of the run ${answer.runId} is not valid: ${problem}.`);
    this.answer = answer;
  }
}

/** The message with the schema of its answer as JSON Schema. Throws `invalid_request` for a schema that JSON Schema cannot express. */
export function withSchema(input: MessageInput, schema: z.ZodType | undefined): MessageInput {
  if (schema === undefined) return input;
  try {
    return { ...input, output: { schema: jsonSchemaOf(schema) } };
  } catch (error) {
    throw new PerdureError(
      'invalid_request',
      `JSON Schema cannot express the schema of the answer: ${(error as Error).message}. Use objects, arrays, strings, numbers and booleans, and transform the answer afterwards.`,
      { cause: error },
    );
  }
}

/** Parses the object of an answer. Throws an {@link InvalidAnswerError}. */
export async function structured<T>(answer: Answer, schema: z.ZodType<T>): Promise<StructuredAnswer<T>> {
  if (answer.object === undefined)
    throw new InvalidAnswerError(answer, 'it has no object; the worker may be of a version without structured answers');
  const parsed = await schema.safeParseAsync(answer.object);
  if (parsed.success) return { ...answer, object: parsed.data };
  const problems = describeIssues(parsed.error.issues, { schema, input: answer.object });
  throw new InvalidAnswerError(answer, joinProblems(problems));
}
