import { z } from 'zod';
import { defineAgent, defineTool } from 'perdure/agents';

const echo = defineTool({
  name: 'echo',
  description: 'Returns its argument.',
  parameters: z.object({ x: z.number() }),
  idempotent: true,
  timeoutMs: 1_000,
  execute: ({ x }) => x,
});

/** The agent of the end-to-end benchmarks: one quick, idempotent tool. */
export const assistant = defineAgent({
  name: 'assistant',
  description: 'Calls echo, then answers.',
  instructions: 'Call echo, then answer.',
  tools: [echo],
});
