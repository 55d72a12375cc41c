import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { askingServer } from '../../mcp/server-settings.ts';
import { agentTool, defineAgent, defineTool } from '../../../../agents/index.ts';

/** Appends a line to the file of effects, which stands for the external side effects of tools. */
export interface Effect {
  readonly tool: string;
  readonly mark: string;
  readonly key: string;
  readonly attempt: number;
}

const parameters = z.strictObject({ mark: z.string(), ms: z.number().int().min(0).max(60_000).default(0) });

/**
 * A tool with one effect in the middle of its duration. Ignores its signal. An idempotent one counts its calls in the
 * session's state; with `child` it starts a workflow that no worker runs.
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
  // Idempotent and quick: runs inside the step's activity.
  acting('note', true, 5_000),
  // Idempotent, in its own activity.
  acting('note_apart', true, 60_000, true),
  // Not idempotent: not run again after a crash.
  acting('act', false, 60_000),
];

export const assistant = defineAgent({ name: 'assistant', tools });
/** Its tool is another agent. */
export const leader = defineAgent({ name: 'leader', tools: [agentTool(assistant)] });
/** Its model writes programs that call the tools. */
export const programmer = defineAgent({ name: 'programmer', tools, codeMode: true });
/** Its MCP servers ask the user: over an open call, and in the results of calls. They write what they do beside the effects. */
export const travelling = defineAgent({
  name: 'travelling',
  tools: [
    { mcp: 'held', only: ['book', 'reserve'], elicitation: true },
    { mcp: 'rounds', only: ['book'], elicitation: true },
  ],
  mcpServers: {
    held: askingServer(`${process.env['PERDURE_TEST_EFFECTS']}.held`, '2025'),
    rounds: askingServer(`${process.env['PERDURE_TEST_EFFECTS']}.rounds`, '2026'),
  },
});
/** One step per activity: the workflow decides after each step. */
export const stepwise = defineAgent({ name: 'stepwise', tools, policy: { stepsPerActivity: 1 } });

/** Its tool needs an approval. Another value of the variable is another version of the agent, as by a deploy. */
export const asking = defineAgent({
  name: 'asking',
  instructions: process.env['PERDURE_TEST_INSTRUCTIONS'] ?? 'Ask.',
  tools: [{ name: 'act', approval: 'always' }],
});

/** A model decides about the calls of its tool. */
export const judged = defineAgent({
  name: 'judged',
  model: 'openai/stub-model',
  tools: [{ name: 'act', approval: 'auto' }],
  approvals: { evaluator: { criteria: 'Approve everything.' } },
});

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
/** For a real model: generates text until it is stopped. */
export const rambler = defineAgent({ name: 'rambler', maxOutputTokens: 1_500, temperature: 0 });

/** What `careless` does in the middle of a call, by the name of its argument. */
const CARELESS: Readonly<Record<string, () => void>> = {
  rejects: () => void Promise.reject(new Error('Nothing awaits this promise.')),
  throws: () =>
    void setTimeout(() => {
      throw new Error('Nothing catches this error.');
    }, 1),
  exits: () => process.exit(7),
  kills: () => process.kill(process.pid, 'SIGKILL'),
  nothing: () => {},
};

/** Notes the call as an effect, does something careless and then returns. */
const careless = defineTool({
  name: 'careless',
  description: 'Is careless.',
  parameters: z.strictObject({ mark: z.string(), does: z.enum(Object.keys(CARELESS) as [string, ...string[]]) }),
  idempotent: true,
  timeoutMs: 5_000,
  execute: async ({ mark, does }, { idempotencyKey: key, attempt }) => {
    const effect: Effect = { tool: 'careless', mark, key, attempt };
    appendFileSync(process.env['PERDURE_TEST_EFFECTS'] ?? '', `${JSON.stringify(effect)}\n`);
    CARELESS[does]?.();
    await sleep(100);
    return 'done';
  },
});
export const negligent = defineAgent({ name: 'negligent', tools: [careless] });

// Code of a module that no tool call executes.
process.on('SIGUSR2', () => {
  throw new Error('No tool caused this error.');
});
