import type { FoundMemory, MemoryPage, MemorySearch, Remember, Remembered } from '../contracts/capabilities/memory.ts';
import type { GatewayClient } from './http/gateway-client.ts';
import type { MemoryQuery } from './http/queries.ts';

/** What is remembered of a user, over all sessions. */
export interface UserMemories {
  /** Remembers a text, once. With `replaces`, it takes the place of another memory. */
  add(memory: string | Remember): Promise<Remembered>;
  /** Finds memories by full text and meaning, best first. `search.mode` is `text` while there are no vectors. Default limit 10, at most 50. */
  search(query: string, options?: { readonly limit?: number | undefined }): Promise<MemorySearch>;
  /** The memories, newest first. */
  list(page?: Omit<MemoryQuery, 'query'>): Promise<MemoryPage>;
  /** Forgets a memory, with all that it corrects. Rejects with `not_found` if there is none. */
  forget(id: string): Promise<void>;
  /** Forgets all memories. Returns how many. */
  forgetAll(): Promise<number>;
}

export function memoriesOf(gateway: GatewayClient): UserMemories {
  return {
    add: (memory) => gateway.remember(typeof memory === 'string' ? { content: memory } : memory),
    async search(query, { limit } = {}) {
      const { data, search } = await gateway.memories({ query, limit });
      // A search has both in every memory.
      return { data: data as readonly FoundMemory[], search: search as MemorySearch['search'] };
    },
    list: (page) => gateway.memories(page),
    forget: async (id) => {
      await gateway.forget(id);
    },
    forgetAll: async () => (await gateway.forgetAll()).forgotten,
  };
}
