import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineAgent, defineTool } from '../../../../agents/index.ts';

/** A line in the file of effects: the outside world, as far as the tools of these agents act on it. */
export interface Effect {
  readonly tool: string;
  readonly mark: string;
  readonly key: string;
  readonly attempt: number;
}

const parameters = z.strictObject({ mark: z.string(), ms: z.number().int().min(0).max(60_000).default(0) });

/**
 * Acts once in the middle of the time that it takes. Not stopped by its signal: what was begun is done. One that may be run
 * again counts its calls in the session's state; with `child` it starts a workflow that nobody ever runs.
 */
function acting(name: string, idempotent: boolean, timeoutMs: number, child = false) {
  return defineTool({
    name,
    description: 'Writes a line to the file of effects.',
    parameters,
    stateSchema: z.strictObject({ count: z.number().int().default(0), lastKey: z.string().optional() }),
    idempotent,
    timeoutMs,
    execute: async ({ mark, ms }, { idempotencyKey, attempt, state, startWorkflow }) => {
      await sleep(ms / 2);
      const effect: Effect = { tool: name, mark, key: idempotencyKey, attempt };
      appendFileSync(process.env['PERDURE_TEST_EFFECTS'] ?? '', `${JSON.stringify(effect)}\n`);
      if (child) await startWorkflow('neverRun', { taskQueue: 'nobody' });
      if (idempotent) {
        await state.merge(({ count, lastKey }) =>
          lastKey === idempotencyKey ? {} : { count: count + 1, lastKey: idempotencyKey },
        );
      }
      await sleep(ms / 2);
      return { key: idempotencyKey };
    },
  });
}

const tools = [
  // Idempotent and quick: runs in place.
  acting('note', true, 5_000),
  // Idempotent, in an activity of its own.
  acting('note_apart', true, 60_000, true),
  // May have acted when its process is gone: never run again.
  acting('act', false, 60_000),
];

export const assistant = defineAgent({ name: 'assistant', tools });
/** The finest grain: between two steps there is always a decision of the workflow. */
export const stepwise = defineAgent({ name: 'stepwise', tools, policy: { stepsPerActivity: 1 } });

const writeDown = defineTool({
  name: 'write_down',
  description: 'Writes a word down.',
  parameters: z.strictObject({ word: z.string() }),
  idempotent: true,
  execute: ({ word }) => `The word ${JSON.stringify(word)} is written down.`,
});
/** For a real model: short answers, and a first step that must call a tool. */
export const writer = defineAgent({
  name: 'writer',
  tools: [writeDown],
  toolChoice: 'write_down',
  maxOutputTokens: 120,
  temperature: 0,
});
/** For a real model: short answers. */
export const talker = defineAgent({ name: 'talker', maxOutputTokens: 48, temperature: 0 });
/** For a real model: talks until it is stopped. */
export const rambler = defineAgent({ name: 'rambler', maxOutputTokens: 1_500, temperature: 0 });
