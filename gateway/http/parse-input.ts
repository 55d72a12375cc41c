import type { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';

/** Fields with message content: errors name them and never quote their values. */
const CONTENT = new Set(['content', 'metadata', 'state', 'reason']);

/** Parses a value. Throws `invalid_request` with a sentence for each of the first three issues. `where`: `body` or `query`. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const parsed = safely(() => schema.safeParse(value, { reportInput: true }), where);
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.slice(0, 3).map((issue) => sentenceOf(issue, where));
  throw new PerdureError('invalid_request', sentences.join(' '));
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

function sentenceOf(issue: z.core.$ZodIssue, where: string): string {
  const path = issue.path.map(String);
  const field = path.length === 0 ? `The ${where}` : `The field ${JSON.stringify(path.join('.'))} of the ${where}`;
  const value = CONTENT.has(path[0] ?? '') ? '' : quote(issue.input);
  return `${field}${value} is not valid: ${issue.message}.`;
}

function quote(value: unknown): string {
  switch (typeof value) {
    case 'undefined':
      return ', which is missing,';
    case 'object':
      return '';
    default:
      return ` (${JSON.stringify(value).slice(0, 80)})`;
  }
}
