import type { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';
import { describeIssues } from '../../core/text/describe-issues.ts';
import { problemSentences, type FieldPath } from '../../core/text/field-problem.ts';

/** Fields whose values are content: errors name them and never quote what is in them. */
const CONTENT = new Set<string | number>(['content', 'metadata', 'state', 'reason', 'tables']);

function mayQuote(path: FieldPath): boolean {
  return !path.some((part) => CONTENT.has(part));
}

/** The value as its schema reads it; otherwise `invalid_request` with a sentence for each of the first three problems. `where`: `body` or `query`. */
export function checkShape<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const parsed = safely(() => schema.safeParse(value), where);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, { schema, input: value, mayQuote });
  throw new PerdureError('invalid_request', problemSentences(problems, where));
}

/** Schemas of JSON call themselves; a body nested too deeply for that is the caller's doing, not ours. */
function safely<T>(parse: () => T, where: string): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PerdureError('invalid_request', `The ${where} is nested too deeply. Send a flatter one.`);
  }
}
