import { z } from 'zod';
import { defineTool } from '../agents/define-tool.ts';
import type { AgentRegistry } from '../agents/agent-registry.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { functionModels, lastUserMessage, type FunctionModel } from '../testing/function-models.ts';
import { registry } from '../test/support/stack.ts';

/** The message for each kind of turn. */
export const TURN = {
  /** One model call. */
  plain: 'plain',
  /** Two model calls and one quick, idempotent tool between them. */
  tool: 'tool',
  /** One model call that streams chunks, each with the time at which it was created; see {@link chunks}. */
  chunks: (count: number, everyMs: number) => `chunks ${count} ${everyMs}`,
} as const;

const echo = defineTool({
  name: 'echo',
  description: 'Returns its argument.',
  parameters: z.object({ x: z.number() }),
  idempotent: true,
  timeoutMs: 1_000,
  execute: ({ x }) => x,
});

/** An agent with one tool. */
export function benchAgents(): AgentRegistry {
  return registry([{ name: 'assistant', tools: [echo.name] }], [echo]);
}

/** A model without latency, except for streamed turns. */
export function benchModels(): ModelDirectory {
  return functionModels(answer);
}

const answer: FunctionModel = (request, { onDelta }) => {
  const said = lastUserMessage(request);
  if (said === TURN.tool && request.messages.at(-1)?.role === 'user') {
    return { toolCalls: [{ callId: 'c1', tool: echo.name, arguments: { x: 1 }, malformed: null }] };
  }
  const [kind, count, everyMs] = said.split(' ');
  if (kind !== 'chunks') return 'Done.';
  return streamStamps(Number(count), Number(everyMs), (text) => onDelta({ kind: 'text', text }));
};

/** Chunks that contain the time at which they were created, in nanoseconds of the system's monotonic clock, which is the same for all processes. */
function streamStamps(count: number, everyMs: number, say: (text: string) => void): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    let left = count;
    const timer = setInterval(() => {
      const chunk = `<${process.hrtime.bigint()}>`;
      text += chunk;
      say(chunk);
      left -= 1;
      if (left > 0) return;
      clearInterval(timer);
      resolve(text);
    }, everyMs);
  });
}
