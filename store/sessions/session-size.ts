import { PerdureError } from '../../contracts/errors.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { LIMITS } from '../../contracts/limits.ts';
import type { Limit } from '../../contracts/limits/limit.ts';
import type { SessionState } from '../../contracts/session/state.ts';
import { namespaceOf } from '../../core/session/merge-state.ts';

/** Throws `too_large` for metadata over its limit. */
export function checkMetadataSize(metadata: JsonObject): void {
  check('The metadata', LIMITS.metadataBytes, bytesOf(metadata));
}

/** Throws `too_large` when a change makes a session's state, or one of its namespaces, exceed its limit. State that is over the limit already may shrink. */
export function checkStateSize(before: SessionState, after: SessionState): void {
  for (const [name, part] of Object.entries(after)) {
    const was = bytesOf(namespaceOf(before, name));
    check(`The namespace ${JSON.stringify(name)} of the state`, LIMITS.stateNamespaceBytes, bytesOf(part), was);
  }
  check('The state', LIMITS.stateBytes, bytesOf(after), bytesOf(before));
}

function check(what: string, limit: Limit, bytes: number, was = 0): void {
  if (bytes <= Math.max(limit.value, was)) return;
  throw new PerdureError(
    'too_large',
    `${what} would have ${bytes} bytes as JSON; the limit is ${limit.value}. Remove keys by setting them to null, or store large values elsewhere.`,
  );
}

function bytesOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
