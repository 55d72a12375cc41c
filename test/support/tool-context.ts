import type { ToolContext } from '../../agents/define-tool.ts';

/** A tool context for calling a tool in a test. */
export function toolContext(changes: Partial<ToolContext> = {}): ToolContext {
  return {
    session: { user: 'ada', session: 'main' },
    runId: 'run-1',
    step: 1,
    callId: 'call-1',
    idempotencyKey: 'run-1/call-1',
    attempt: 1,
    signal: new AbortController().signal,
    state: { read: async () => ({}), merge: async () => {} },
    metadata: { read: async () => ({}), merge: async () => {} },
    memories: {
      remember: () => Promise.reject(new Error('This test remembers nothing.')),
      search: async () => ({ data: [], search: { mode: 'text', reason: 'no_embeddings', pending: false } }),
      forget: async () => false,
    },
    startWorkflow: () => Promise.reject(new Error('This test starts no workflow.')),
    progress: () => {},
    ...changes,
  };
}
