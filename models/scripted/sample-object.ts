import type { Json, JsonObject } from '../../contracts/json.ts';

/** Deeper, optional parts are left out, so that a recursive schema has an end. */
const MOST_LEVELS = 8;

/** Returns a small value of a JSON Schema, for common keywords: what a stand-in for a model answers where a schema is given. */
export function sampleOf(schema: JsonObject): Json {
  return sample(schema, schema, 0);
}

function sample(schema: Json | undefined, root: JsonObject, level: number): Json {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema) || level > MOST_LEVELS) return null;
  const { $ref, enum: choices, anyOf, oneOf, allOf, type } = schema;
  if (schema['const'] !== undefined) return schema['const'];
  if (Array.isArray(choices)) return choices[0] ?? null;
  if (typeof $ref === 'string') return sample(target($ref, root), root, level + 1);
  const [option] = [anyOf, oneOf, allOf].filter((list) => Array.isArray(list));
  if (option) return sample(option[0], root, level + 1);
  switch (Array.isArray(type) ? type[0] : type) {
    case 'object':
      return objectOf(schema, root, level);
    case 'array':
      return Array.from({ length: numberOf(schema['minItems'], 0) }, () => sample(schema['items'], root, level + 1));
    case 'string':
      return 'text'.padEnd(numberOf(schema['minLength'], 0), '.').slice(0, numberOf(schema['maxLength'], 100));
    case 'integer':
    case 'number':
      return numberOf(schema['minimum'], Math.min(0, numberOf(schema['maximum'], 0)));
    case 'boolean':
      return false;
    default:
      return null;
  }
}

function objectOf({ properties = {}, required = [] }: JsonObject, root: JsonObject, level: number): JsonObject {
  const known = properties as JsonObject;
  return Object.fromEntries((required as string[]).map((name) => [name, sample(known[name], root, level + 1)]));
}

function target(ref: string, root: JsonObject): Json | undefined {
  const names = ref
    .slice(2)
    .split('/')
    .filter((name) => name !== '');
  return names.reduce<Json | undefined>((at, name) => (at as JsonObject | undefined)?.[name], root);
}

/** The number, unless it is only the bound of safe integers. */
function numberOf(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : otherwise;
}
