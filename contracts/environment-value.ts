import { z } from 'zod';

/** The name of an environment variable. */
export const environmentVariableSchema = z
  .string()
  .max(200)
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of an environment variable, such as ACME_API_KEY');

/** The value of an environment variable of the worker, which is never stored. */
export const environmentRefSchema = z.strictObject({ env: environmentVariableSchema });

/** A header's value, or the environment variable that holds it. */
const headerValueSchema = z.union([
  z
    .string()
    .max(8_000)
    .regex(/^[\t\x20-\x7e]*$/, 'must be printable ASCII'),
  environmentRefSchema,
]);

/** Headers of every request to a server. */
export const headersSchema = z.record(
  z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'must be a header name'),
  headerValueSchema,
);
