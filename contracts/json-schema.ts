import { z } from 'zod';
import type { Json, JsonObject } from './json.ts';
import { LIMITS } from './limits.ts';

const PROTO = 'must not contain the key "__proto__"';

/** Returns what makes a value unacceptable as JSON, as the end of a sentence about it; null for valid JSON. Iterative: depth costs no stack. */
export function jsonProblem(value: unknown, maxDepth: number = LIMITS.jsonDepth.value): string | null {
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value: part, depth } = next;
    if (!isObject(part)) {
      if (isScalar(part)) continue;
      return 'must be JSON';
    }
    if (depth >= maxDepth) return `must not be nested more than ${maxDepth} levels deep`;
    if (Object.hasOwn(part, '__proto__')) return PROTO;
    for (const inner of Object.values(part)) waiting.push({ value: inner, depth: depth + 1 });
  }
  return null;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isScalar(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  return value === null || typeof value === 'string' || typeof value === 'boolean';
}

/** Refuses an unacceptable object before the schema sees it: zod drops the key `__proto__` without an error. */
function checked<Schema extends z.ZodType>(schema: Schema, problemOf: (value: object) => string | null) {
  return z.preprocess((value, context) => {
    const problem = isObject(value) ? problemOf(value) : null;
    if (problem !== null) context.addIssue(problem);
    return value;
  }, schema);
}

/** Any JSON value. In place of `z.json()`, which is recursive and tries each value against six schemas. */
export const jsonSchema = z
  .unknown()
  .superRefine((value, context) => {
    const problem = jsonProblem(value);
    if (problem !== null) context.addIssue(problem);
  })
  .meta({ id: 'Json' }) as unknown as z.ZodType<Json, Json>;

/** Any JSON object. */
export const jsonObjectSchema = checked(z.looseObject({}), (value) => jsonProblem(value)) as unknown as z.ZodType<
  JsonObject,
  JsonObject
>;

/** A schema of records, refusing the key `__proto__`, and more keys than are quickly validated. */
export function boundedRecord<Schema extends z.ZodType>(schema: Schema) {
  return checked(schema, (value) => {
    if (Object.hasOwn(value, '__proto__')) return PROTO;
    const limit = LIMITS.patchKeys.value;
    return Object.keys(value).length > limit ? `must not have more than ${limit} keys` : null;
  });
}
