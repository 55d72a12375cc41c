import type { Limit } from './limit.ts';

/** Long-term memory. */
export const MEMORY_LIMITS = {
  memoriesPerCall: {
    value: 32,
    unit: 'items',
    error: null,
    what: 'memories that one call of a context provider may return in `remember`',
  },
  memoryBytes: { value: 8 * 1024, unit: 'bytes', error: 'too_large', what: "a memory's content in UTF-8" },
  memoryQueryBytes: { value: 8 * 1024, unit: 'bytes', error: 'too_large', what: 'the query of a search for memories' },
  memoriesPerSearch: { value: 50, unit: 'items', error: 'invalid_request', what: 'memories that one search finds' },
  memoriesPerPage: { value: 200, unit: 'items', error: 'invalid_request', what: 'memories in one page' },
  embeddingDimensions: {
    value: 4_096,
    unit: 'items',
    error: null,
    what: 'dimensions of the vector of a memory; a model that returns more is not used',
  },
  embeddingBatch: {
    value: 64,
    unit: 'items',
    error: null,
    what: 'texts in one request to the embedding endpoint',
  },
  embeddingMs: {
    value: 30_000,
    unit: 'ms',
    error: null,
    what: 'one request to the embedding endpoint for memories that have no vector yet',
  },
  embeddingWaitMs: {
    value: 2_000,
    unit: 'ms',
    error: null,
    what: 'how long a search, or the caller that adds a memory, waits for the embedding endpoint; then the search is by full text alone, and the vector is added later',
  },
  embeddingCallMs: {
    value: 30 * 24 * 3_600_000,
    unit: 'ms',
    error: null,
    what: 'how long the record of a request for vectors is kept that belongs to no session; usage keeps the sums',
  },
  embeddingPauseMs: {
    value: 30_000,
    unit: 'ms',
    error: null,
    what: 'how long a process does not call an embedding endpoint that has failed',
  },
  memoryIndexBytes: {
    value: 128 * 1024 * 1024,
    unit: 'bytes',
    error: null,
    what: 'codes of vectors that a process caches to search memories, those of the most recent users',
  },
} as const satisfies Record<string, Limit>;
