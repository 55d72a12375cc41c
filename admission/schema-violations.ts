import { Validator, type OutputUnit, type Schema } from '@cfworker/json-schema';
import type { Json } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';
import type { Violations } from '../core/output/check-answer.ts';
import { withinTime } from './within-time.ts';

/**
 * Characters of an answer times those of its schema, up to which all problems are collected. Each of them can quote a part of
 * the schema, so this bounds the memory that they take.
 */
const ALL_PROBLEMS = 32_000_000;

/**
 * Checks a value against a JSON Schema, which the validator interprets: nothing is compiled. Returns what is wrong,
 * and nothing for a valid value. Returns `unchecked` when the check takes too long or too much of the stack, or
 * the validator cannot apply the schema.
 */
export function schemaViolations(
  value: Json,
  schema: Readonly<Record<string, unknown>>,
  ms: number = LIMITS.outputCheckMs.value,
): Violations {
  try {
    const firstOnly = JSON.stringify(value).length * JSON.stringify(schema).length > ALL_PROBLEMS;
    // A copy: the validator attaches properties to the schema.
    const validator = new Validator(structuredClone(schema) as Schema, '2020-12', firstOnly);
    const { valid, errors } = withinTime(ms, () => validator.validate(value));
    return valid ? [] : violationsOf(errors);
  } catch {
    return 'unchecked';
  }
}

/** Keywords whose errors only repeat that one of their subschemas has errors. */
const SUMMARIES: ReadonlySet<string> = new Set([
  '$ref',
  'properties',
  'items',
  'prefixItems',
  'allOf',
  'additionalProperties',
]);

function violationsOf(errors: readonly OutputUnit[]): readonly string[] {
  const specific = errors.filter(({ keyword }) => !SUMMARIES.has(keyword));
  const shown = specific.length > 0 ? specific : errors;
  return [...new Set(shown.map(describe))];
}

function describe({ instanceLocation, keyword, error }: OutputUnit): string {
  const place = instanceLocation === '#' ? '' : `${instanceLocation.slice(1)}: `;
  return `${place}${keyword === 'false' ? 'This property or item is not allowed.' : error}`;
}
