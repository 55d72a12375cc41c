import type { Json } from '../json.ts';

/** Where a keyword of JSON Schema has subschemas: in its value, in a list, or in a map by name. */
export const SUBSCHEMAS: ReadonlyMap<string, 'one' | 'list' | 'map'> = new Map([
  ...(['$defs', 'definitions', 'properties', 'patternProperties', 'dependentSchemas'] as const).map(
    (name) => [name, 'map'] as const,
  ),
  ...(['prefixItems', 'allOf', 'anyOf', 'oneOf'] as const).map((name) => [name, 'list'] as const),
  ...(['items', 'unevaluatedItems', 'contains', 'additionalProperties', 'unevaluatedProperties'] as const).map(
    (name) => [name, 'one'] as const,
  ),
  ...(['propertyNames', 'not', 'if', 'then', 'else'] as const).map((name) => [name, 'one'] as const),
]);

/** Keywords whose subschemas apply to the same value as the schema itself, as `$ref` does. */
export const IN_PLACE: ReadonlySet<string> = new Set([
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
  'dependentSchemas',
]);

/** Keywords that are not supported, with the remedy. */
export const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ['$id', 'remove it; references are "#" or "#/$defs/…"'],
  ['id', 'remove it; references are "#" or "#/$defs/…"'],
  ['$anchor', 'refer to the schema by its place, "#/$defs/…"'],
  ['$dynamicAnchor', 'refer to the schema by its place, "#/$defs/…"'],
  ['$dynamicRef', 'use "$ref"'],
  ['$recursiveAnchor', 'use "$ref": "#"'],
  ['$recursiveRef', 'use "$ref": "#"'],
  ['additionalItems', 'use "prefixItems" and "items"'],
  ['dependencies', 'use "dependentRequired" or "dependentSchemas"'],
]);

const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

const count = (value: Json) => (Number.isSafeInteger(value) && (value as number) >= 0 ? null : 'must be 0 or more');
const number = (value: Json) => (typeof value === 'number' ? null : 'must be a number');
const boolean = (value: Json) => (typeof value === 'boolean' ? null : 'must be true or false');
const strings = (value: Json) =>
  Array.isArray(value) && value.every((one) => typeof one === 'string') ? null : 'must be a list of strings';

function type(value: Json): string | null {
  const names = Array.isArray(value) ? value : [value];
  const isKnown = names.length > 0 && names.every((name) => typeof name === 'string' && TYPES.includes(name));
  return isKnown ? null : `must be one of ${TYPES.join(', ')}, or a list of them`;
}

function listsOfStrings(value: Json): string | null {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap && Object.values(value).every((one) => strings(one) === null)
    ? null
    : 'must map names to lists of names';
}

/** Returns what is wrong with a regular expression; null if nothing is. Validators use the flag `u`. */
export function patternProblem(pattern: Json): string | null {
  if (typeof pattern !== 'string') return 'must be a string';
  try {
    void new RegExp(pattern, 'u');
    return null;
  } catch {
    return 'must be a regular expression of JavaScript, with the flag "u"';
  }
}

/** Checks of the values of keywords without subschemas. Other keywords are annotations. */
const VALUE_PROBLEMS: Readonly<Record<string, (value: Json) => string | null>> = {
  type,
  enum: (value) => (Array.isArray(value) && value.length > 0 ? null : 'must be a list with at least one value'),
  required: strings,
  dependentRequired: listsOfStrings,
  pattern: patternProblem,
  format: (value) => (typeof value === 'string' ? null : 'must be a string'),
  minLength: count,
  maxLength: count,
  minItems: count,
  maxItems: count,
  minContains: count,
  maxContains: count,
  minProperties: count,
  maxProperties: count,
  uniqueItems: boolean,
  minimum: number,
  maximum: number,
  exclusiveMinimum: number,
  exclusiveMaximum: number,
  multipleOf: (value) => (typeof value === 'number' && value > 0 ? null : 'must be above 0'),
};

/** Returns what is wrong with the value of a keyword that has no subschemas; null if nothing is. */
export function valueProblem(keyword: string, value: Json): string | null {
  return Object.hasOwn(VALUE_PROBLEMS, keyword) ? (VALUE_PROBLEMS[keyword]?.(value) ?? null) : null;
}
