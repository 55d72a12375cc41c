import { z } from 'zod';
import { closestName } from './closest-name.ts';

/** One thing that is wrong with a value, told to the person or the model who wrote it. */
export interface FieldProblem {
  readonly path: readonly (string | number)[];
  /** The path as people write it: `policy.retry.maxAttempts`, `tools[1]`; empty for the value itself. */
  readonly field: string;
  /** What is wrong, the offending value (cut short), and what to write instead. */
  readonly message: string;
}

/** Turns zod's issues into problems that name field and value; an unknown field is told its nearest name. */
export function describeIssues(
  schema: z.ZodType,
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
): readonly FieldProblem[] {
  return issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code !== 'unrecognized_keys') return [fieldProblem(path, withValue(issue.message, valueAt(input, path)))];
    const known = fieldsOf(schema, path);
    return issue.keys.map((key) => fieldProblem([...path, key], unknownName('field', key, known)));
  });
}

/** Problems in one sentence's part: `args.city: is missing; unit: …`. */
export function sayProblems(problems: readonly FieldProblem[]): string {
  return problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ');
}

/** A problem at a path. */
export function fieldProblem(path: readonly (string | number)[], message: string): FieldProblem {
  const field = path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`))
    .join('');
  return { path, field, message };
}

/** `there is no tool "clok"; did you mean "clock"?`, or the names there are. */
export function unknownName(kind: string, name: string, known: readonly string[]): string {
  const closest = closestName(name, known);
  const remedy =
    closest !== undefined
      ? `did you mean "${closest}"?`
      : known.length > 0
        ? `there ${known.length === 1 ? 'is' : 'are'}: ${known.join(', ')}`
        : `there are none`;
  return `there is no ${kind} ${show(name)}; ${remedy}`;
}

/** A value as a reader of an error needs it: JSON, cut after 60 characters. */
export function show(value: unknown): string {
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 60).toWellFormed()}…` : text;
}

function withValue(message: string, value: unknown): string {
  // zod says "Invalid input: expected number, received string"; the value itself says more than its type.
  const text = message.replace(/^[A-Z][A-Za-z ]*: /, '').replace(/, received .*$/, '');
  return value === undefined ? `is missing: ${text}` : `${text}, got ${show(value)}`;
}

function valueAt(input: unknown, path: readonly (string | number)[]): unknown {
  let value = input;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

function fieldsOf(schema: unknown, path: readonly (string | number)[]): readonly string[] {
  let at = definitionOf(schema);
  for (const part of path) at = definitionOf(at?.shape?.[part] ?? at?.element ?? at?.valueType);
  return Object.keys(at?.shape ?? {});
}

/** The parts of zod's own description of a schema that lead to the schemas inside it. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string | number, unknown>>;
  readonly element?: unknown;
  readonly valueType?: unknown;
  readonly innerType?: unknown;
}

/** Read by its fields, never by class: the schema may come from another copy of zod. */
function definitionOf(schema: unknown): Definition | undefined {
  const { def } = (schema as { readonly _zod?: { readonly def: Definition } } | undefined)?._zod ?? {};
  return def?.type === 'optional' ? definitionOf(def.innerType) : def;
}
