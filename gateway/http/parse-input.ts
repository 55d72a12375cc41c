import type { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { problemSentences, type FieldPath } from '../../core/text/field-problem.ts';

/** Fields whose values are content: errors name them and never quote their values. */
const CONTENT = new Set<string | number>(['content', 'metadata', 'state', 'reason', 'tables', 'query']);

function mayQuote(path: FieldPath): boolean {
  return !path.some((part) => CONTENT.has(part));
}

/** Parses a value. Throws `invalid_request` with a sentence for each of the first three issues. `where`: `body` or `query`. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const parsed = safely(() => schema.safeParse(value), where);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, { schema, input: value, mayQuote });
  throw new PerdureError('invalid_request', problemSentences(problems, where));
}

/** The JSON schema is recursive: a stack overflow means that the input is nested too deeply, which is the caller's error. */
function safely<T>(parse: () => T, where: string): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PerdureError('invalid_request', `The ${where} is nested too deeply. Reduce its depth.`);
  }
}
