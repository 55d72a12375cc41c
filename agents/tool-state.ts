import type { Json, JsonObject } from '../contracts/json.ts';

/** A shallow merge patch: null removes a key. */
type Patch<T> = { readonly [K in keyof T]?: T[K] | null | undefined };

/** A tool's access to the session's state. Limited in size: `stateBytes` and `stateNamespaceBytes` in `contracts/limits.ts`. */
export interface ToolState<Read = JsonObject, Write = Read> {
  /** Reads the tool's namespace, or another one by name, such as the application's `app`. */
  readonly read: {
    (): Promise<Read>;
    (namespace: string): Promise<JsonObject>;
  };
  /**
   * Merges a patch into the tool's namespace, key by key; null removes a key. Pass a function to compute the patch from
   * the current value. It runs under the session's lock: keep it synchronous and free of side effects; it may run more
   * than once. The change is durable, with an event, when the promise resolves. Rejects with a `ToolError` when
   * `stateSchema` does not accept the result.
   */
  readonly merge: (patch: Patch<Write> | ((now: Read) => Patch<Write>)) => Promise<void>;
}

/** A tool's access to the session's metadata. Limited in size: `metadataBytes` in `contracts/limits.ts`. */
export interface ToolMetadata {
  readonly read: () => Promise<JsonObject>;
  /** Merges a patch key by key; null removes a key. The change is durable, with an event, when the promise resolves. */
  readonly merge: (patch: Readonly<Record<string, Json | undefined>>) => Promise<void>;
}
