import type { z } from 'zod';
import { PerdureError } from '../../contracts/errors.ts';

/** Fields whose values are content: named in errors, never quoted. */
const CONTENT = new Set(['content', 'metadata', 'state', 'reason']);

/** The value as its schema reads it; otherwise `invalid_request` with a sentence for each of the first three problems. `where`: `body` or `query`. */
export function checkShape<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const parsed = safely(() => schema.safeParse(value, { reportInput: true }), where);
  if (parsed.success) return parsed.data;
  const sentences = parsed.error.issues.slice(0, 3).map((issue) => sentenceOf(issue, where));
  throw new PerdureError('invalid_request', sentences.join(' '));
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
