import type { Json, JsonObject } from '../../../contracts/json.ts';

/** A schema as a provider gets it. `strict`: whether it is within the part of JSON Schema that OpenAI enforces strictly. */
export interface ProviderSchema {
  readonly schema: JsonObject;
  readonly strict: boolean;
}

/** The keywords that OpenAI's strict mode accepts (developers.openai.com, "Structured Outputs", supported schemas). */
const STRICT_KEYWORDS: ReadonlySet<string> = new Set(
  `type properties required additionalProperties items enum const anyOf $ref $defs definitions description title $schema
   pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems`.split(/\s+/),
);

/**
 * Makes a schema fit strict mode where that is possible without loss: an object whose properties are all required, and that
 * does not mention further ones, forbids them. Otherwise returns the schema as it is. An answer is checked against the original.
 */
export function strictSchema(schema: JsonObject): ProviderSchema {
  const strict = closed(schema);
  return strict === null ? { schema, strict: false } : { schema: strict, strict: true };
}

/** A subschema without further properties; null if strict mode would refuse it. */
function closed(schema: Json): JsonObject | null {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return null;
  if (Object.keys(schema).some((keyword) => !STRICT_KEYWORDS.has(keyword))) return null;
  const result: JsonObject = { ...schema };
  for (const keyword of ['properties', '$defs', 'definitions']) {
    if (schema[keyword] === undefined) continue;
    const parts = closedParts(schema[keyword]);
    if (parts === null) return null;
    result[keyword] = parts;
  }
  if (schema['items'] !== undefined) {
    const items = closed(schema['items']);
    if (items === null) return null;
    result['items'] = items;
  }
  if (schema['anyOf'] !== undefined) {
    const options = (schema['anyOf'] as Json[]).map(closed);
    if (options.includes(null)) return null;
    result['anyOf'] = options;
  }
  return isObjectSchema(schema) ? closedObject(schema, result) : result;
}

function closedParts(map: Json): JsonObject | null {
  const parts = Object.entries(map as JsonObject).map(([name, part]) => [name, closed(part)] as const);
  return parts.some(([, part]) => part === null) ? null : (Object.fromEntries(parts) as JsonObject);
}

function isObjectSchema({ type, properties }: JsonObject): boolean {
  return type === 'object' || properties !== undefined || (Array.isArray(type) && type.includes('object'));
}

function closedObject(schema: JsonObject, result: JsonObject): JsonObject | null {
  const { properties = {}, required = [], additionalProperties = false } = schema;
  const names = Object.keys(properties as JsonObject);
  const isComplete = names.length > 0 && names.every((name) => (required as Json[]).includes(name));
  return isComplete && additionalProperties === false ? { ...result, additionalProperties: false } : null;
}
