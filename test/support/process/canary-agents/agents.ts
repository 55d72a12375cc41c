import { z } from 'zod';
import { defineAgent, defineTool } from '../../../../agents/index.ts';

const parameters = z.strictObject({ word: z.string() });

/** Gives back what it was given. */
const reveal = defineTool({
  name: 'reveal',
  description: 'Gives a word back.',
  parameters,
  idempotent: true,
  execute: ({ word }) => ({ word }),
});

/** The same, in an activity of its own. */
const revealApart = defineTool({
  name: 'reveal_apart',
  description: 'Gives a word back.',
  parameters,
  timeoutMs: 30_000,
  execute: ({ word }) => ({ word }),
});

/** Fails, and says too much. */
const blurt = defineTool({
  name: 'blurt',
  description: 'Fails.',
  parameters,
  timeoutMs: 30_000,
  retry: { maxAttempts: 2, initialIntervalMs: 1 },
  execute: ({ word }) => {
    throw new Error(`I failed with ${word}.`);
  },
});

export const canary = defineAgent({
  name: 'canary',
  instructions: 'Sing.',
  tools: [reveal, revealApart, blurt],
  policy: { retry: { maxAttempts: 3, initialIntervalMs: 1, maxIntervalMs: 5 } },
});
