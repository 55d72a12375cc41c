import type { Json, JsonObject } from '../contracts/json.ts';

/** Changes to the keys of an object; null removes a key. */
type Patch<T> = { readonly [K in keyof T]?: T[K] | null | undefined };

/** What a tool sees of its session's state. Size-limited: see `stateBytes` and `stateNamespaceBytes` in `contracts/limits.ts`. */
export interface ToolState<Read = JsonObject, Write = Read> {
  /** The tool's own namespace, or the one named, such as the application's, `app`. */
  readonly read: {
    (): Promise<Read>;
    (namespace: string): Promise<JsonObject>;
  };
  /**
   * Merges into the tool's own namespace key by key; null removes a key. A function is given what is there and answers
   * what to merge; nothing else changes the session meanwhile, so it must not wait for anything; it may be asked more than once. Durable when it
   * resolves, and an event tells of it. Rejects with a `ToolError` when `stateSchema` does not accept the result.
   */
  readonly merge: (patch: Patch<Write> | ((now: Read) => Patch<Write>)) => Promise<void>;
}

/** A session's metadata as its tools see it. Size-limited: see `metadataBytes`. */
export interface ToolMetadata {
  readonly read: () => Promise<JsonObject>;
  /** Merges key by key; null removes a key. Durable when it resolves, and an event tells of it. */
  readonly merge: (patch: Readonly<Record<string, Json | undefined>>) => Promise<void>;
}
