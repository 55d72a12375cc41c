import type { JsonObject } from '../../contracts/json.ts';
import type { SessionState, StatePatch } from '../../contracts/session/state.ts';

/** A map with a patch laid over it, key by key; null removes a key. */
export function mergeKeys(value: JsonObject, patch: JsonObject = {}): JsonObject {
  const changes = Object.entries(patch).filter(([, part]) => part !== undefined);
  const merged = new Map([...Object.entries(value), ...changes]);
  return Object.fromEntries([...merged].filter(([, part]) => part !== null));
}

/** What a namespace holds; empty when it is not there. */
export function namespaceOf(state: SessionState, name: string): JsonObject {
  const found: unknown = Object.hasOwn(state, name) ? state[name] : undefined;
  return typeof found === 'object' && found !== null ? (found as JsonObject) : {};
}

/** A state with a patch merged into each of its namespaces. One that is left without keys is gone. */
export function mergeState(state: SessionState, patch: StatePatch = {}): SessionState {
  const merged = new Map(Object.entries(state));
  for (const [name, part] of Object.entries(patch)) {
    const after = part === null ? {} : mergeKeys(namespaceOf(state, name), part);
    if (Object.keys(after).length > 0) merged.set(name, after);
    else merged.delete(name);
  }
  return Object.fromEntries(merged);
}
