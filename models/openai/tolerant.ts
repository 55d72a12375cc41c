import { z } from 'zod';

// Schemas for what compatible servers send. The rule: a field that does not matter for the answer never costs the answer.

/** A field without which the answer is whole: a value of another type counts as absent. */
export function optional<Schema extends z.ZodType>(schema: Schema): z.ZodCatch<z.ZodOptional<z.ZodNullable<Schema>>> {
  return schema.nullish().catch(null);
}

/** Text that is not part of the answer. */
export const optionalText = optional(z.string());

/** A number of tokens. Some servers send it as text; a negative or broken one is unknown. */
export const optionalCount = optional(
  z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).pipe(z.number().int().nonnegative()),
);

/** The place of an item in a list, which some servers send as text. */
export const optionalIndex = optional(z.union([z.number().int(), z.string().regex(/^\d+$/).transform(Number)]));

/** An id or a code, which some servers send as a number. */
export const optionalId = optional(z.union([z.string(), z.number().transform(String)]));

/** Reads the empty array that PHP gateways send for an empty object as absent. */
export function objectOrEmpty<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((value) => (Array.isArray(value) && value.length === 0 ? null : value), schema.nullish());
}
