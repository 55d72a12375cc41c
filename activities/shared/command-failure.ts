import { ApplicationFailure } from '@temporalio/activity';
import type { z } from 'zod';
import { ERRORS, PerdureError } from '../../contracts/errors.ts';
import { isUndecodable } from '../../contracts/undecodable.ts';

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

/** Parses an input. Throws `invalid_request`, which names the first invalid field. */
export function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  if (isUndecodable(input)) {
    throw new PerdureError(
      'invalid_request',
      'The payload could not be decoded. Send JSON with the metadata "encoding: json/plain".',
    );
  }
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || 'the input';
  // Truncated, because both may quote the input.
  const detail = `${field.slice(0, 200)}: ${(issue?.message ?? 'not valid').slice(0, 300)}.`;
  throw new PerdureError('invalid_request', detail);
}
