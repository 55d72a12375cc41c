import type { JsonObject } from '../../contracts/json.ts';
import type { SessionState, StatePatch } from '../../contracts/session/state.ts';

/** Merges a patch into a map, key by key; null removes a key. */
export function mergeKeys(value: JsonObject, patch: JsonObject = {}): JsonObject {
  const changes = Object.entries(patch).filter(([, part]) => part !== undefined);
  const merged = new Map([...Object.entries(value), ...changes]);
  return Object.fromEntries([...merged].filter(([, part]) => part !== null));
}

/** The content of a namespace; an empty object if it is absent. */
export function namespaceOf(state: SessionState, name: string): JsonObject {
  const found: unknown = Object.hasOwn(state, name) ? state[name] : undefined;
  return typeof found === 'object' && found !== null ? (found as JsonObject) : {};
}

/** Merges a patch into each namespace that it names. A namespace without keys is removed. */
export function mergeState(state: SessionState, patch: StatePatch = {}): SessionState {
  const merged = new Map(Object.entries(state));
  for (const [name, part] of Object.entries(patch)) {
    const after = part === null ? {} : mergeKeys(namespaceOf(state, name), part);
    if (Object.keys(after).length > 0) merged.set(name, after);
    else merged.delete(name);
  }
  return Object.fromEntries(merged);
}
