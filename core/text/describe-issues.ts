import type { z } from 'zod';
import { closestName, suggestName } from './closest-name.ts';
import { fieldProblem, type FieldPath, type FieldProblem } from './field-problem.ts';
import { quoteValue } from './quote-value.ts';
import { fieldNames } from './schema-fields.ts';
import { expectedOfUnion, meantOption } from './union-options.ts';
import { valueAt } from './value-at.ts';

export interface DescribeOptions {
  /** The schema that rejected `input`. */
  readonly schema: z.core.$ZodType;
  readonly input: unknown;
  /**
   * The values that may be quoted: all of them, or those at paths for which it returns true. By default only the type of a
   * value is named, because it may be a secret or the content of a message. Quote only if the reader of the text has
   * written the value.
   */
  readonly mayQuote?: true | ((path: FieldPath) => boolean) | undefined;
}

/**
 * Describes zod's issues: the field, its problem, the type of the value (or the truncated value, if it may be quoted), and
 * the closest known name for an unknown field or choice. Each text is bounded in length; their number is not.
 */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  { schema, input, mayQuote = () => false }: DescribeOptions,
): readonly FieldProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    const meant = issue.code === 'invalid_union' ? meantOption(issue, valueAt(input, path)) : undefined;
    if (meant !== undefined) {
      const inner = meant.map((one) => ({ ...one, path: [...issue.path, ...one.path] }));
      return describeIssues(inner, { schema, input, mayQuote });
    }
    if (issue.code === 'unrecognized_keys') {
      const known = fieldNames(schema, path);
      return issue.keys.map((key) =>
        fieldProblem([...path, key], `unknown field; ${suggestName(key, known, 'fields')}`),
      );
    }
    return [fieldProblem(path, withValue(issue, valueAt(input, path), mayQuote === true || mayQuote(path)))];
  });
}

function withValue(issue: z.core.$ZodIssue, value: unknown, quote: boolean): string {
  const expected = expectation(issue, value);
  if (value === undefined) return `missing, ${expected}`;
  const isScalar = value === null || !['object', 'function', 'symbol'].includes(typeof value);
  if (quote && isScalar) return `${expected}, got ${quoteValue(value)}${suggestChoice(issue, value)}`;
  return issue.code === 'invalid_type' ? `${expected}, got ${kindOf(value)}` : expected;
}

/** zod's own message without its prefix ("Invalid input: ") and without the type that it was given. */
function expectation(issue: z.core.$ZodIssue, value?: unknown): string {
  const [first] = issue.code === 'invalid_key' ? issue.issues : [];
  if (first !== undefined && issue.message === 'Invalid key in record') return `invalid name: ${expectation(first)}`;
  if (issue.code === 'invalid_union' && issue.message === 'Invalid input') return expectedOfUnion(issue, value);
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid ')) {
    const choices = issue.values.map((choice) => quoteValue(choice)).join(', ');
    return issue.values.length === 1 ? `expected ${choices}` : `expected one of ${choices}`;
  }
  const choices = /^Invalid discriminator value\. Expected (.*)$/.exec(issue.message)?.[1];
  if (choices !== undefined) return `expected one of ${choices.replaceAll(' | ', ', ').replaceAll("'", '"')}`;
  return issue.message.replace(/^[A-Z][A-Za-z ]*: /, '').replace(/, received .*$/, '');
}

function suggestChoice(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return '';
  const closest = closestName(
    value,
    issue.values.filter((choice) => typeof choice === 'string'),
  );
  return closest === undefined ? '' : `; did you mean "${closest}"?`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
