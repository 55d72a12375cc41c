import type { MemorySearch, Remembered } from '../contracts/capabilities/memory.ts';

/** Long-term memory of the session's user, for a tool. */
export interface ToolMemories {
  /** Remembers a text, with the session, run and message as its source. The same text is remembered once. `replaces`: the memory that it corrects. */
  readonly remember: (content: string, options?: { readonly replaces?: string | undefined }) => Promise<Remembered>;
  /** Finds memories by full text and meaning, best first. Default limit 10, at most 50. */
  readonly search: (query: string, options?: { readonly limit?: number | undefined }) => Promise<MemorySearch>;
  /** Removes a memory with all that it corrects. False if there is no such memory. */
  readonly forget: (id: string) => Promise<boolean>;
}
