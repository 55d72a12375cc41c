import type { z } from 'zod';
import type { FieldPath } from './field-problem.ts';
import { valueAt } from './value-at.ts';

/** The problems of the option that was meant: the only one that accepts the type of the value, or the one whose fields fit it best. */
export function meantOption(
  union: z.core.$ZodIssueInvalidUnion,
  value: unknown,
): readonly z.core.$ZodIssue[] | undefined {
  const options = optionsOf(union);
  const ofType = options
    .filter((issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0))
    .map((issues) => ({ issues, misfits: countMisfits(issues, value) }))
    .toSorted((one, other) => one.misfits - other.misfits);
  const [best, next] = ofType;
  if (options.length < 2 || best === undefined || best.misfits === next?.misfits) return undefined;
  // The message of the union names the values of its other options, too.
  const hasMessage = union.message !== 'Invalid input' && best.issues.every(({ code }) => code === 'invalid_value');
  return hasMessage ? undefined : best.issues;
}

/** The options of a union, and of the unions that are its options. */
function optionsOf({ errors }: z.core.$ZodIssueInvalidUnion): readonly (readonly z.core.$ZodIssue[])[] {
  return errors.flatMap((issues) => {
    const [issue, ...others] = issues;
    const isUnion = issue?.code === 'invalid_union' && issue.path.length === 0 && others.length === 0;
    return isUnion && issue.errors.length > 0 ? optionsOf(issue) : [issues];
  });
}

/** How many fields of the value an option does not have, and how many that it requires are missing. A problem of the whole value counts as more than these. */
function countMisfits(issues: readonly z.core.$ZodIssue[], value: unknown): number {
  const counts = issues.map((issue) => {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) return issue.keys.length;
    if (issue.path.length === 0) return 1_000;
    return issue.path.length === 1 && valueAt(value, issue.path as FieldPath) === undefined ? 1 : 0;
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/** What a value that fits no option should be. */
export function expectedOfUnion(union: z.core.$ZodIssueInvalidUnion, value: unknown): string {
  const options = optionsOf(union);
  const types = options.flatMap(([issue]) =>
    issue?.code === 'invalid_type' && issue.path.length === 0 ? [issue.expected] : [],
  );
  const missing = options.flatMap((issues) => {
    const absent = issues.find(({ path }) => path.length === 1 && valueAt(value, path as FieldPath) === undefined);
    return absent === undefined ? [] : [String(absent.path[0])];
  });
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isMap && missing.length > 0) return `has none of the fields ${[...new Set(missing)].join(', ')}`;
  return types.length === 0 ? 'has none of the accepted forms' : `expected ${[...new Set(types)].join(' or ')}`;
}
