import { PerdureError } from '../contracts/errors.ts';
import type { JsonObject } from '../contracts/json.ts';
import { LIMITS } from '../contracts/limits.ts';

/** Throws `too_large` when a session's metadata or state takes more than it may. */
export function checkSize(name: 'metadata' | 'state', value: JsonObject): void {
  const limit = LIMITS[`${name}Bytes`];
  const bytes = Buffer.byteLength(JSON.stringify(value));
  if (bytes <= limit.value) return;
  throw new PerdureError(
    'too_large',
    `The ${name} would take ${bytes} bytes as JSON; the limit is ${limit.value}. Remove keys by setting them to null, or keep large values elsewhere.`,
  );
}
