import { z } from 'zod';
import { defineAgent, defineContextProvider, defineTool } from '../../../../agents/index.ts';

const parameters = z.strictObject({ word: z.string() });

/** Runs inside the step's activity. */
const reveal = defineTool({
  name: 'reveal',
  description: 'Gives a word back.',
  parameters,
  idempotent: true,
  execute: ({ word }) => ({ back: `${word} back` }),
});

/** Runs in its own activity, starts a workflow that no worker runs, and keeps the word in the session's state. */
const revealApart = defineTool({
  name: 'reveal_apart',
  description: 'Gives a word back.',
  parameters,
  timeoutMs: 30_000,
  stateSchema: z.strictObject({ word: z.string().optional() }),
  execute: async ({ word }, { state, startWorkflow }) => {
    await startWorkflow('neverRun', { taskQueue: 'nobody', onSessionEnd: 'cancel' });
    await state.merge({ word });
    return { back: `${word} back` };
  },
});

/** Keeps the newest message in its state, and adds it to the instructions. */
const notes = defineContextProvider({
  name: 'notes',
  stateSchema: z.strictObject({ newest: z.string().default('') }),
  beforeRun: async ({ messages }) => {
    const newest = messages.at(-1)?.content.slice(0, 100) ?? '';
    return { instructions: `The newest message is ${newest}.`, state: { newest } };
  },
});

export const assistant = defineAgent({
  name: 'assistant',
  tools: [reveal, revealApart],
  context: [notes, { memory: { recall: 5, tools: false } }],
  window: { maxTokens: 1_500, reserveTokens: 200 },
});
/** Its call of a tool waits for an approval. */
export const asking = defineAgent({ name: 'asking', tools: [{ name: 'reveal', approval: 'always' }] });
/** Its conversations are kept by the provider `keeper` of the deployment file. */
export const clerk = defineAgent({ name: 'clerk', model: 'keeper/one', history: 'service' });
