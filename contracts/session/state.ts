import { z } from 'zod';
import type { JsonObject } from '../json.ts';

/** The state of a session: an object of its own for each namespace. The application's is `app`; a tool's or a context provider's is named after it. */
export type SessionState = { readonly [namespace: string]: JsonObject };

const NAME = '1 to 64 letters, digits, ".", "_" or "-", of which the first is no "."';

/** A namespace's name. Every tool's name is one. */
export const namespaceSchema = z.string().regex(/^(?!__proto__$)[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/, `must be ${NAME}`);

export const sessionStateSchema = z.record(z.string(), z.record(z.string(), z.json()));

/** A map of JSON values by name; a null removes the key when it is merged. */
export const patchSchema = z.record(z.string().min(1).max(200), z.json());

/** Merged key by key within each namespace; a null removes a key, and in place of a namespace all of it. */
export const statePatchSchema = z.record(
  namespaceSchema,
  z
    .record(patchSchema.keyType, patchSchema.valueType, {
      error: ({ code }) =>
        code === 'invalid_type'
          ? 'must be an object, or null to remove the namespace: state is an object of namespaces, such as {"app": {…}}'
          : undefined,
    })
    .nullable(),
  {
    error: ({ code }) =>
      code === 'invalid_key'
        ? `a namespace is named by ${NAME}`
        : code === 'invalid_type'
          ? 'must be an object of namespaces, such as {"app": {…}}'
          : undefined,
  },
);
export type StatePatch = z.infer<typeof statePatchSchema>;
