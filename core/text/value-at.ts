import type { FieldPath } from './field-problem.ts';

/** The value of a field; undefined if there is none. */
export function valueAt(input: unknown, path: FieldPath): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
