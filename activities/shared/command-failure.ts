import { ApplicationFailure } from '@temporalio/activity';
import type { z } from 'zod';
import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { problemSentences } from '../../core/text/field-problem.ts';
import { isUndecodable, undecodableProblem } from '../../contracts/undecodable.ts';

/** Runs a command and converts its `PerdureError` to a failure: not retryable if the caller caused it, else retryable. */
export async function command<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PerdureError)) throw error;
    const isCallers = ERRORS[error.code].httpStatus < 500;
    throw ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: isCallers,
      // Not a fault of the worker: reported to the caller, not logged as a warning with a stack.
      ...(isCallers ? { category: 'BENIGN' } : {}),
      details: [{ retryAfterMs: error.retryAfterMs ?? null }],
    });
  }
}

/** The input as its schema has it; throws `invalid_request` that names the fields that are wrong, never their values. */
export function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  if (isUndecodable(input)) throw new PerdureError('invalid_request', undecodableProblem(input));
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, { schema, input });
  throw new PerdureError('invalid_request', problemSentences(problems, 'input'));
}
