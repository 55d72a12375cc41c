import { z } from 'zod';
import { jsonObjectSchema, jsonSchema, boundedRecord } from '../json-schema.ts';
import type { JsonObject } from '../json.ts';

/** The state of a session: one object per namespace. The application uses `app`; a tool or context provider uses its own name. */
export type SessionState = { readonly [namespace: string]: JsonObject };

const NAME = '1 to 64 letters, digits, ".", "_" or "-", of which the first is no "."';

/** A namespace's name. Every tool name is a valid one. */
export const namespaceSchema = z.string().regex(/^(?!__proto__$)[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/, `must be ${NAME}`);

/** The state of a session. */
export const sessionStateSchema = z.record(z.string(), jsonObjectSchema);

/** A patch of JSON values by key. Null removes the key. */
export const patchSchema = boundedRecord(z.record(z.string().min(1).max(200), jsonSchema));

/** A patch of the state, merged key by key within each namespace. Null removes a key, or a whole namespace. */
export const statePatchSchema = boundedRecord(
  z.record(
    namespaceSchema,
    boundedRecord(
      z.record(z.string().min(1).max(200), jsonSchema, {
        error: ({ code }) =>
          code === 'invalid_type'
            ? 'must be an object, or null to remove the namespace: state is an object of namespaces, such as {"app": {…}}'
            : undefined,
      }),
    ).nullable(),
    {
      error: ({ code }) =>
        code === 'invalid_key'
          ? `a namespace is named by ${NAME}`
          : code === 'invalid_type'
            ? 'must be an object of namespaces, such as {"app": {…}}'
            : undefined,
    },
  ),
);
export type StatePatch = z.infer<typeof statePatchSchema>;
