import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineMiddleware } from '../../../agents/middleware/define-middleware.ts';
import {
  MiddlewareError,
  type MiddlewareReply,
  type ModelCall,
  type NextModel,
} from '../../../agents/middleware/middleware.ts';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import type { SessionKey } from '../../../contracts/session/session-key.ts';
import { callContext } from '../../../gateway/answers/call-context.ts';
import { lastUserMessage, type FunctionModel } from '../../../testing/function-models.ts';
import type { LiveMessage } from '../../../live/live-channel.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

/** What the middleware `probe` does in each session, and what its hooks were called with. */
const behaviours = new Map<string, (call: ModelCall<object>, next: NextModel) => Promise<MiddlewareReply>>();
const order: string[] = [];
const toolCalls: unknown[] = [];
const probe = defineMiddleware({
  name: 'probe',
  timeoutMs: 300,
  model: (call, next) => (behaviours.get(call.session.user) ?? ((_, go) => go()))(call, next),
});
const inner = defineMiddleware({
  name: 'inner',
  model: async (_, next) => {
    order.push('inner before');
    const reply = await next();
    order.push('inner after');
    return { ...reply, text: `<${reply.text}>` };
  },
});
const outer = defineMiddleware({
  name: 'outer',
  model: async (_, next) => {
    order.push('outer before');
    const reply = await next();
    order.push('outer after');
    return { ...reply, text: `[${reply.text}]` };
  },
});
const doubled = defineMiddleware({
  name: 'doubled',
  tool: async ({ tool, arguments: args, attempt }, next) => {
    toolCalls.push([tool, args, attempt]);
    const result = await next({ n: 2 * (args as { n: number }).n });
    return { result };
  },
});
const again = defineMiddleware({
  name: 'again',
  tool: async (_, next) => {
    await next();
    return await next();
  },
});

const pay = { executed: 0 };
const tools = [
  defineTool({
    name: 'echo',
    description: 'Echoes.',
    parameters: z.object({ n: z.number() }),
    idempotent: true,
    execute: ({ n }) => n,
  }),
  defineTool({
    name: 'pay',
    description: 'Pays.',
    parameters: z.object({}),
    execute: () => {
      pay.executed += 1;
      return 'paid';
    },
  }),
];
const retry = { initialIntervalMs: 1, maxAttempts: 2 };
const AGENTS: readonly AgentSpec[] = [
  { name: 'assistant', instructions: 'Be brief.', middleware: ['probe'], policy: { retry } },
  { name: 'layered', middleware: ['outer', 'inner'] },
  { name: 'doubling', tools: ['echo'], middleware: ['doubled'] },
  { name: 'payer', tools: ['pay'], middleware: ['again'] },
  { name: 'cheap', maxOutputTokens: 100, middleware: ['probe'], policy: { retry, budget: { runTokens: 4_000 } } },
  { name: 'lacking', middleware: ['nowhere'] },
];

const requests: ModelRequest[] = [];
const model: FunctionModel = async (request, { onDelta }) => {
  requests.push(request);
  const asked = lastUserMessage(request);
  if (request.messages.at(-1)?.role === 'tool') return `got ${request.messages.at(-1)?.content}`;
  if (asked.startsWith('echo')) return asksFor('echo', { n: 4 });
  if (asked.startsWith('pay')) return asksFor('pay', {});
  onDelta({ kind: 'text', text: 'answer to ' });
  onDelta({ kind: 'text', text: asked });
  return `answer to ${asked}`;
};
const asksFor = (tool: string, args: Record<string, number>) => ({
  toolCalls: [{ callId: 'c', tool, arguments: args, malformed: null }],
});

let stack: Stack;
beforeAll(async () => {
  const middleware = [probe, inner, outer, doubled, again];
  stack = await startStack({ temporal: await testTemporal(), model, agents: AGENTS, tools, middleware });
});
afterAll(() => stack[Symbol.asyncDispose]());

interface Turn {
  readonly key: SessionKey;
  readonly events: PerdureEvent[];
  readonly last: PerdureEvent | undefined;
  readonly runId: string;
  readonly live: readonly string[];
}

async function turn(content: string, agent: string, behaviour?: ReturnType<typeof behaviours.get>): Promise<Turn> {
  const key = stack.key();
  if (behaviour) behaviours.set(key.user, behaviour);
  const live: string[] = [];
  const subscription = await stack.live.subscribe(key, (message: LiveMessage) => {
    if (message.kind === 'live' && 'delta' in message.event) live.push(message.event.delta);
    else if (message.kind === 'live') live.push(message.event.type);
  });
  const { runId } = await stack.sender.submit(key, { content, agent });
  const events = await stack.ended(key);
  subscription.close();
  return { key, events, last: events.at(-1), runId: runId ?? '', live };
}

const contextOf = ({ key, runId }: Turn) => callContext({ db: stack.db, deployment: {} }, key, runId, {});
const callsOf = async ({ key, runId }: Turn) => (await readRun(stack.db, key, runId))?.modelCalls;

test('the first middleware listed is the outermost', async () => {
  const { last } = await turn('hi', 'layered');
  expect(order).toEqual(['outer before', 'inner before', 'inner after', 'outer after']);
  expect(last).toMatchObject({ type: 'run.completed', output: '[<answer to hi>]' });
});

test('a call without a change is streamed, recorded and composed as without middleware', async () => {
  const plain = await turn('hi', 'assistant');
  expect(plain.live).toEqual(['answer to ', 'hi']);
  expect(plain.last).toMatchObject({ output: 'answer to hi', usage: { inputTokens: 10, outputTokens: 5 } });
  const context = await contextOf(plain);
  expect(context.instructions).toEqual([expect.objectContaining({ origin: { kind: 'agent' }, text: 'Be brief.' })]);
  expect((await callsOf(plain))?.[0]).toMatchObject({ outcome: 'completed', usage: { inputTokens: 10 } });
});

test('a changed request is what the provider gets and what the context shows, with the middleware as its origin', async () => {
  const changed = await turn('secret', 'assistant', ({ request }, next) =>
    next({
      ...request,
      instructions: `${request.instructions}\n\nBe kind.\u0000`,
      messages: [{ role: 'user', content: 'Earlier.' }, ...request.messages],
      temperature: 0.25,
    }),
  );
  expect(requests.at(-1)).toMatchObject({ instructions: 'Be brief.\n\nBe kind.\u0000', temperature: 0.25 });
  const context = await contextOf(changed);
  expect(context.instructions.map(({ origin, text }) => [origin.kind, text])).toEqual([
    ['agent', 'Be brief.'],
    // The store cannot hold NUL.
    ['middleware', 'Be kind.\uFFFD'],
  ]);
  expect(context.messages.map(({ origin, message }) => [origin, message.content])).toEqual([
    [{ kind: 'middleware', name: 'probe' }, 'Earlier.'],
    [expect.objectContaining({ kind: 'message' }), 'secret'],
  ]);
  expect(context.parameters.temperature).toBe(0.25);
  // The change is of this call alone.
  expect(changed.events.find(({ type }) => type === 'message.received')).toMatchObject({ content: 'secret' });
});

test('a change that is too large to be stored is reported as omitted', async () => {
  const big = 'x'.repeat(300_000);
  const context = await contextOf(
    await turn('big', 'assistant', ({ request }, next) => next({ ...request, instructions: big })),
  );
  expect(context).toMatchObject({ changesOmitted: true, instructions: [{ text: 'Be brief.' }] });
});

test('middleware can answer in stead of the model, which is not called and costs nothing', async () => {
  const before = requests.length;
  const answered = await turn('hi', 'assistant', async () => ({ text: 'cached' }));
  expect(requests).toHaveLength(before);
  expect(answered.last).toMatchObject({ type: 'run.completed', output: 'cached' });
  expect(answered.events.find(({ type }) => type === 'message.completed')).toMatchObject({ model: 'probe' });
  expect(await callsOf(answered)).toMatchObject([{ outcome: 'completed', usage: { inputTokens: 0 }, costUsd: 0 }]);
});

test('each call of next and generate counts, and a text that was replaced is retracted', async () => {
  const tried = await turn('hi', 'assistant', async ({ generate }, next) => {
    await next();
    await generate({ model: 'function/judge', messages: [{ role: 'user', content: 'Is it good?' }] });
    return await next();
  });
  expect(tried.live).toEqual(['answer to ', 'hi', 'step.retracted']);
  expect(requests.at(-2)).toMatchObject({ model: 'judge', messages: [{ content: 'Is it good?' }] });
  expect(tried.last).toMatchObject({ output: 'answer to hi', usage: { inputTokens: 30, outputTokens: 15 } });
  expect(await callsOf(tried)).toMatchObject([{ attempt: 1, usage: { inputTokens: 30, outputTokens: 15 } }]);
});

test('calls that a hook makes side by side are made one after another, and one that it leaves is counted, too', async () => {
  const raced = await turn('hi', 'assistant', async (_, next) => {
    void next();
    return await Promise.race([next(), next()]);
  });
  expect(raced.last).toMatchObject({ output: 'answer to hi', usage: { inputTokens: 30 } });
});

test('an attempt makes at most eight calls', async () => {
  const { last } = await turn('hi', 'assistant', async (_, next) => {
    for (;;) await next();
  });
  expect(last).toMatchObject({
    error: { code: 'middleware_failed', detail: expect.stringContaining('may make 8 model calls') },
  });
});

test('every call of an attempt is checked against the budgets, with what the calls before it have used', async () => {
  const rich = await turn('hi', 'cheap');
  expect(rich.last).toMatchObject({ type: 'run.completed' });
  const spent = await turn('hi', 'cheap', async (_, next) => {
    for (let tries = 0; tries < 4; tries++) await next().catch(() => undefined);
    return await next();
  });
  expect(spent.last).toMatchObject({ type: 'run.completed', usage: { inputTokens: 50 } });
  const over = await turn('hi', 'cheap', async ({ request }, next) => {
    await next();
    const content = 'y'.repeat(20_000);
    return await next({ ...request, messages: [{ role: 'user', content }] }).catch(() => ({ text: 'never' }));
  });
  expect(over.last).toMatchObject({ type: 'run.failed', error: { code: 'budget_exceeded' } });
  expect(await callsOf(over)).toMatchObject([{ outcome: 'failed', usage: { inputTokens: 10, outputTokens: 5 } }]);
});

test('an error of a hook fails the run, without its message, unless it is a MiddlewareError', async () => {
  const failed = await turn('secret', 'assistant', ({ request }) => {
    throw new TypeError(`cannot read ${request.messages[0]?.content}`);
  });
  expect(failed.last).toMatchObject({
    type: 'run.failed',
    error: { code: 'middleware_failed', detail: 'The middleware "probe" failed unexpectedly (TypeError).' },
  });
  const own = await turn('hi', 'assistant', () => {
    throw new MiddlewareError('the judge is closed.');
  });
  expect(own.last).toMatchObject({ error: { detail: 'The middleware "probe" failed: the judge is closed.' } });
  expect(await callsOf(own)).toMatchObject([{ outcome: 'failed', errorCode: 'middleware_failed' }]);
});

test('an error that is retryable, and a hook that takes too long, make another attempt of the step', async () => {
  let tries = 0;
  const { last } = await turn('hi', 'assistant', async (_, next) => {
    if ((tries += 1) === 1) throw new MiddlewareError('not now.', { retryable: true });
    return await next();
  });
  expect(last).toMatchObject({ type: 'run.completed', output: 'answer to hi' });
  const slow = await turn('hi', 'assistant', () => new Promise(() => {}));
  expect(slow.last).toMatchObject({
    error: { code: 'middleware_failed', detail: expect.stringContaining('took longer than 300 ms') },
  });
  expect(await callsOf(slow)).toHaveLength(2);
});

test('a reply and a request that are not valid are refused by their fields, not by their content', async () => {
  const reply = await turn('hi', 'assistant', async () => ({ text: 5 }) as never);
  expect(reply.last).toMatchObject({
    error: { detail: 'The middleware "probe" failed: it returned a reply that is not valid: check text.' },
  });
  const request = await turn('hi', 'assistant', (_, next) => next({ messages: 'secret' } as never));
  expect(request.last).toMatchObject({ error: { detail: expect.stringMatching(/check instructions, messages/) } });
  expect(JSON.stringify(request.last)).not.toContain('secret');
});

test('a run is cancelled while a hook works', async () => {
  const key = stack.key();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  behaviours.set(key.user, (call) => {
    resolve();
    call.signal.addEventListener('abort', () => stopped.resolve());
    return new Promise(() => {});
  });
  const { runId } = await stack.sender.submit(key, { content: 'hi' });
  await promise;
  await stack.sender.cancel(key, { runId: runId ?? '' });
  await stopped.promise;
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.cancelled' });
});

test('a tool hook changes the arguments and the result, and the call is recorded as the model asked for it', async () => {
  const { events, last } = await turn('echo', 'doubling');
  expect(toolCalls).toEqual([['echo', { n: 4 }, 1]]);
  expect(events.find(({ type }) => type === 'tool.called')).toMatchObject({ arguments: { n: 4 } });
  expect(events.find(({ type }) => type === 'tool.completed')).toMatchObject({ result: { result: 8 } });
  expect(last).toMatchObject({ output: 'got {"result":8}' });
});

test('a tool that is not idempotent is executed once, and what follows does not hide that it was', async () => {
  const { events } = await turn('pay', 'payer');
  expect(pay.executed).toBe(1);
  expect(events.find(({ type }) => type.startsWith('tool.u'))).toMatchObject({
    type: 'tool.unknown',
    error: expect.stringContaining('is not idempotent'),
  });
});

test('a worker that lacks the code of middleware does not run the agent without it', async () => {
  const key = stack.key();
  const before = requests.length;
  await stack.sender.submit(key, { content: 'unguarded', agent: 'lacking' });
  await stack.until(key, (events) => events.some(({ type }) => type === 'run.started'));
  await turn('hi', 'assistant');
  await stack.sender.cancel(key, {});
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.cancelled' });
  expect(requests.slice(before).map(lastUserMessage)).toEqual(['hi']);
});
