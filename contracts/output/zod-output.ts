import { z } from 'zod';
import type { JsonObject } from '../json.ts';

/** Whether a value is a zod schema. Checked by structure: it may be of another copy of zod 4. */
export function isZodSchema(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value && 'safeParse' in value;
}

/**
 * Converts a zod schema to the JSON Schema of what the model writes: the input, before defaults and transforms. Throws for a
 * schema that JSON Schema cannot express. Refinements are lost.
 */
export function jsonSchemaOf(schema: z.ZodType): JsonObject {
  // A copy, without the methods that zod attaches.
  const { $schema: _draft, ...jsonSchema } = JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: 'input' })));
  return jsonSchema as JsonObject;
}
