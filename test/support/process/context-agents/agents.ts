import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { defineAgent, defineContextProvider } from '../../../../agents/index.ts';
import type { Effect } from '../process-agents/agents.ts';

/** Half the time that a call of a provider takes. */
const HALF_MS = 150;

const stateSchema = z.strictObject({ before: z.number().int().default(0), after: z.number().int().default(0) });

/** Writes a line to the file of effects in the middle of each call, adds a text that is another one in each attempt, and counts the runs in its state. */
function counting(name: string, afterRunMode: 'wait' | 'background' = 'wait') {
  const note = async (
    phase: string,
    run: { messages: readonly { content: string }[]; idempotencyKey: string; attempt: number },
  ) => {
    await sleep(HALF_MS);
    const mark = /@mark=(\S+)/.exec(run.messages[0]?.content ?? '')?.[1] ?? '';
    const effect: Effect = { tool: `${name} ${phase}`, mark, key: run.idempotencyKey, attempt: run.attempt };
    appendFileSync(process.env['PERDURE_TEST_EFFECTS'] ?? '', `${JSON.stringify(effect)}\n`);
    await sleep(HALF_MS);
  };
  return defineContextProvider({
    name,
    stateSchema,
    afterRunMode,
    beforeRun: async (run) => {
      await note('before', run);
      return { instructions: randomUUID(), state: ({ before }) => ({ before: before + 1 }) };
    },
    afterRun: async (run) => {
      await note('after', run);
      return { state: ({ after }) => ({ after: after + 1 }) };
    },
  });
}

export const assistant = defineAgent({
  name: 'assistant',
  context: [counting('first'), counting('second'), counting('later', 'background')],
});
