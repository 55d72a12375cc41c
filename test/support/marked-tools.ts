import { z } from 'zod';
import { defineTool, type ToolContext } from '../../agents/define-tool.ts';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import type { ToolCallRequest } from '../../contracts/session/run.ts';
import { workflowIdOf, type SessionKey } from '../../contracts/session/session-key.ts';
import type { FunctionModel } from '../../testing/function-models.ts';
import { activitiesIn, historyOf } from './temporal/raw-temporal.ts';
import { startStack, type Stack } from './stack.ts';
import { testTemporal } from './temporal/temporal-server.ts';

/** A completed run with tool calls. */
export interface ToolRun {
  readonly key: SessionKey;
  readonly runId: string;
  readonly events: PerdureEvent[];
  /** The results that the model received, joined with ` | `; empty when the run did not complete. */
  readonly output: string;
}

/** A stack whose agents have tools of every kind, with behaviour defined by the test. */
export interface MarkedTools extends AsyncDisposable {
  readonly stack: Stack;
  /** The behaviour of the tools, by the `mark` in their arguments. Default: they return a result. */
  act: (mark: string, context: ToolContext) => unknown;
  /** The attempts since `reset`. */
  readonly tries: readonly { readonly mark: string; readonly key: string; readonly attempt: number }[];
  /** Restores the initial state. */
  reset(): void;
  /** Runs these calls in a new session. With the agent `fine`, each has its own event in the history. */
  runWith(calls: readonly ToolCallRequest[], agent?: 'assistant' | 'fine'): Promise<ToolRun>;
  /** The activities in the history of a session. */
  lines(key: SessionKey): Promise<ReturnType<typeof activitiesIn>>;
}

/** A model that requests the calls listed in the message as JSON, then repeats their results. */
const model: FunctionModel = ({ messages }) => {
  const last = messages.at(-1);
  if (last?.role === 'user') return { toolCalls: JSON.parse(last.content) as ToolCallRequest[] };
  const results = messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1);
  return results.map(({ content }) => content).join(' | ');
};

/** Creates a tool call with `mark` in its id and its arguments. */
export const call = (name: string, mark = name, more: Partial<ToolCallRequest> = {}): ToolCallRequest => ({
  callId: `call-${mark}`,
  tool: name,
  arguments: { mark },
  malformed: null,
  ...more,
});

/** The outcomes of tool calls, in order. */
export const results = (events: readonly PerdureEvent[]): PerdureEvent[] =>
  events.filter(({ type }) => ['tool.completed', 'tool.failed', 'tool.unknown', 'tool.cancelled'].includes(type));

const did = (mark: string): string => `did ${mark}`;

export async function startMarkedTools(): Promise<MarkedTools> {
  let tries: { readonly mark: string; readonly key: string; readonly attempt: number }[] = [];
  const retry = { initialIntervalMs: 1, maxIntervalMs: 2 };
  const tool = (name: string, options: { idempotent: boolean; timeoutMs: number; maxAttempts?: number }) =>
    defineTool({
      name,
      description: `A tool that is ${options.idempotent ? '' : 'not '}idempotent.`,
      parameters: z.object({ mark: z.string() }),
      idempotent: options.idempotent,
      timeoutMs: options.timeoutMs,
      retry: { ...retry, ...(options.maxAttempts && { maxAttempts: options.maxAttempts }) },
      execute: ({ mark }, context) => {
        tries.push({ mark, key: context.idempotencyKey, attempt: context.attempt });
        return marked.act(mark, context);
      },
    });

  const tools = [
    tool('quick', { idempotent: true, timeoutMs: 5_000 }),
    tool('slow', { idempotent: true, timeoutMs: 20_000 }),
    tool('once', { idempotent: false, timeoutMs: 5_000 }),
    tool('hasty', { idempotent: true, timeoutMs: 30 }),
    tool('hasty-once', { idempotent: false, timeoutMs: 30 }),
    tool('stubborn-once', { idempotent: false, timeoutMs: 5_000, maxAttempts: 3 }),
  ];
  const names = tools.map(({ name }) => name);
  const stack = await startStack({
    temporal: await testTemporal(),
    model,
    tools,
    agents: [
      { name: 'assistant', tools: names },
      { name: 'fine', tools: names, policy: { stepsPerActivity: 1 } },
    ],
  });
  const marked: MarkedTools = {
    stack,
    act: did,
    get tries() {
      return tries;
    },
    reset() {
      marked.act = did;
      tries = [];
    },
    async runWith(calls, agent = 'assistant') {
      const key = stack.key();
      const { runId } = await stack.sender.submit(key, { content: JSON.stringify(calls), agent });
      const events = await stack.ended(key);
      const end = events.at(-1);
      return { key, runId: runId as string, events, output: end?.type === 'run.completed' ? end.output : '' };
    },
    lines: async (key) => activitiesIn(await historyOf(stack.client, workflowIdOf(key))),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
  return marked;
}
