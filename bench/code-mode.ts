import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { defineAgent } from '../agents/define-agent.ts';
import { defineTool } from '../agents/define-tool.ts';
import type { ModelRequest } from '../models/model-client.ts';
import { estimateInputTokens } from '../models/estimate-tokens.ts';
import { startPerdure } from '../testing/start-perdure.ts';
import type { Benchmark, BenchmarkRow } from './benchmark.ts';
import { summarize } from './statistics.ts';

/** What a model call takes, so that the saved ones count. */
const MODEL_MS = 500;
const CALLS = 10;

/** A record of about 2 kB, of which the task needs the id of the next one. */
const readRecord = defineTool({
  name: 'read_record',
  description: 'Reads a record. Its field `next` is the id of the next one.',
  parameters: z.object({ id: z.string() }),
  idempotent: true,
  timeoutMs: 5_000,
  execute: ({ id }) => ({ id, next: `r${Number(id.slice(1)) + 1}`, text: `Record ${id}. `.repeat(200) }),
});

const agents = [
  defineAgent({ name: 'plain', tools: [readRecord], policy: { maxSteps: CALLS + 2 } }),
  defineAgent({ name: 'code', tools: [readRecord], codeMode: true }),
];

const SOURCE = `
  let id = 'r0';
  for (let n = 0; n < ${CALLS}; n++) id = (await tools.read_record({ id })).next;
  return id;`;

/** A task of calls that depend on one another, with code mode and without. */
export const codeMode: Benchmark = {
  name: 'code-mode',
  describe: `A task of ${CALLS} calls of tools, each of which needs the result of the one before, with plain tool calls and as a program (docs/capabilities/code-mode.md). A model call takes ${MODEL_MS} ms, a result has about 2 kB. Input tokens are those of all requests of the task, estimated.`,
  async run(world) {
    let requests: ModelRequest[] = [];
    await using started = await startPerdure({
      agents,
      model: async (request) => {
        requests.push(request);
        await delay(MODEL_MS);
        return reply(request);
      },
    });
    const rows: BenchmarkRow[] = [];
    for (const { spec } of agents) {
      const times: number[] = [];
      for (let round = 0; round < world.size(10, 1); round++) {
        requests = [];
        const began = performance.now();
        await started.perdure
          .session(`${spec.name}-${round}`)
          .ask({ content: 'Follow the records.', agent: spec.name });
        times.push(performance.now() - began);
      }
      const tokens = requests.reduce((sum, request) => sum + estimateInputTokens(request), 0);
      const values = { 'model calls': requests.length, 'input tokens': tokens, 'p50 ms': summarize(times).p50 };
      rows.push({ what: spec.name === 'code' ? 'one program' : 'plain calls', values });
    }
    return { rows };
  },
};

function reply({ messages, tools }: ModelRequest) {
  const last = messages.at(-1);
  const made = messages.filter(({ role }) => role === 'tool').length;
  const isProgram = tools.some(({ name }) => name === 'run_program');
  if (made === (isProgram ? 1 : CALLS)) return 'done';
  if (isProgram) return callOf('run_program', { source: SOURCE });
  const { next = 'r0' } = last?.role === 'tool' ? (JSON.parse(last.content) as { next: string }) : {};
  return callOf('read_record', { id: next });
}

function callOf(tool: string, args: Readonly<Record<string, string>>) {
  return { toolCalls: [{ callId: 'call', tool, arguments: args, malformed: null }] };
}
