import { z } from 'zod';
import { defineAgent, defineTool } from '../../../../agents/index.ts';

const parameters = z.strictObject({ word: z.string() });

/** Returns its arguments. */
const reveal = defineTool({
  name: 'reveal',
  description: 'Gives a word back.',
  parameters,
  idempotent: true,
  execute: ({ word }) => ({ word }),
});

/** The same, in its own activity. */
const revealApart = defineTool({
  name: 'reveal_apart',
  description: 'Gives a word back.',
  parameters,
  timeoutMs: 30_000,
  execute: ({ word }) => ({ word }),
});

/** Fails with an error message that contains its arguments. */
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
