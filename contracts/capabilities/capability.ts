import { z } from 'zod';
import { jsonObjectSchema } from '../json-schema.ts';
import type { JsonObject } from '../json.ts';
import { LIMITS } from '../limits.ts';
import { namespaceSchema } from '../session/state.ts';

const optionsSchema = jsonObjectSchema.refine(
  (options) => JSON.stringify(options).length <= LIMITS.capabilityOptionsCharacters.value,
  `must have at most ${LIMITS.capabilityOptionsCharacters.value} characters as JSON`,
);

/** How an agent lists something that a worker has the code of, such as a context provider: `userProfile`, or with options `{ documents: { folder: ./handbook } }`. */
export const capabilityRefSchema = z.union([
  namespaceSchema,
  z
    .record(namespaceSchema, optionsSchema)
    .refine((value) => Object.keys(value).length === 1, 'must have one key, the name, whose value is the options'),
]);
export type CapabilityRef = z.infer<typeof capabilityRefSchema>;

/** The name in a reference. */
export function nameOfRef(ref: CapabilityRef): string {
  return typeof ref === 'string' ? ref : (Object.keys(ref)[0] ?? '');
}

/** The options in a reference; null for none. */
export function optionsOfRef(ref: CapabilityRef): JsonObject | null {
  return typeof ref === 'string' ? null : (Object.values(ref)[0] ?? null);
}
