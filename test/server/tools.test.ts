import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool, ToolError, type ToolContext } from '../../src/agents/define-tool.ts';
import type { LiveEvent, PerdureEvent } from '../../src/contracts/event.ts';
import type { ToolCallRequest } from '../../src/contracts/run.ts';
import { workflowIdOf, type SessionKey } from '../../src/contracts/session-key.ts';
import { readRun } from '../../src/store/read-run.ts';
import { readSession } from '../../src/store/read-session.ts';
import type { FunctionModel } from '../support/function-model.ts';
import { activitiesIn, failedTasks, historyOf } from '../support/raw-temporal.ts';
import { startStack, type Stack } from '../support/stack.ts';
import { testTemporal } from '../support/temporal-server.ts';

let stack: Stack;

/** What the tools do in this test, by the `mark` in their arguments, and each try that they saw. */
let act: (mark: string, context: ToolContext) => unknown = (mark) => `did ${mark}`;
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
      return act(mark, context);
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

/** Asks for the calls that the message lists as JSON, then repeats what it was told of them. */
const model: FunctionModel = ({ messages }) => {
  const last = messages.at(-1);
  if (last?.role === 'user') return { toolCalls: JSON.parse(last.content) as ToolCallRequest[] };
  const results = messages.slice(messages.findLastIndex(({ role }) => role === 'assistant') + 1);
  return results.map(({ content }) => content).join(' | ');
};

beforeAll(async () => {
  const names = tools.map(({ name }) => name);
  stack = await startStack({
    temporal: await testTemporal(),
    model,
    tools,
    agents: [
      { name: 'assistant', tools: names },
      { name: 'fine', tools: names, policy: { stepsPerActivity: 1 } },
    ],
  });
});
afterAll(() => stack[Symbol.asyncDispose]());
beforeEach(() => {
  act = (mark) => `did ${mark}`;
  tries = [];
});

const call = (name: string, mark = name, more: Partial<ToolCallRequest> = {}): ToolCallRequest => ({
  callId: `call-${mark}`,
  tool: name,
  arguments: { mark },
  malformed: null,
  ...more,
});

async function runWith(
  calls: ToolCallRequest[],
  agent = 'assistant',
): Promise<{ key: SessionKey; runId: string; events: PerdureEvent[]; output: string }> {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: JSON.stringify(calls), agent });
  const events = await stack.ended(key);
  const end = events.at(-1);
  return { key, runId: runId as string, events, output: end?.type === 'run.completed' ? end.output : '' };
}

const lines = async (key: SessionKey) => activitiesIn(await historyOf(stack.client, workflowIdOf(key)));
const results = (events: readonly PerdureEvent[]) =>
  events.filter(({ type }) => ['tool.completed', 'tool.failed', 'tool.unknown', 'tool.cancelled'].includes(type));

test('a quick idempotent tool runs in place: one activity does the whole run', async () => {
  const { key, output } = await runWith([call('quick')]);
  expect(output).toBe('did quick');
  expect((await lines(key)).map(({ type }) => type)).toEqual(['advanceRun']);
});

test('a slow tool, and one that is not idempotent, get an activity each, with their name as summary', async () => {
  const { key, output } = await runWith([call('quick'), call('slow'), call('once')]);
  expect(output).toBe('did quick | did slow | did once');
  const [first, ...rest] = await lines(key);
  expect(first).toMatchObject({ type: 'advanceRun' });
  expect(rest.slice(0, 2)).toEqual([
    { type: 'runTool', summary: 'tool slow' },
    { type: 'runTool', summary: 'tool once' },
  ]);
  expect(rest.slice(2).map(({ type }) => type)).toEqual(['advanceRun']);
});

test('with stepsPerActivity 1 each model call and each tool has a line of its own', async () => {
  const { key, output } = await runWith([call('quick', 'a'), call('quick', 'b')], 'fine');
  expect(output).toBe('did a | did b');
  expect((await lines(key)).map(({ type }) => type)).toEqual(['advanceRun', 'runTool', 'runTool', 'advanceRun']);
});

/** What the events of a run say, without when and in which order. */
const shape = ({ events }: { events: PerdureEvent[] }) =>
  events
    .map((event) => `${event.type} ${JSON.stringify('result' in event ? event.result : null)}`)
    .toSorted((a, b) => a.localeCompare(b));

test('the transcript is the same wherever the tools ran', async () => {
  const calls = [call('quick', 'a'), call('slow', 'b')];
  expect(shape(await runWith(calls, 'fine'))).toEqual(shape(await runWith(calls)));
});

test.each(['quick', 'slow'])(
  'a failing idempotent tool (%s) is tried again with the same key, and its tries are counted',
  async (name) => {
    act = (mark, { attempt }) => {
      if (attempt < 3) throw new Error(`not yet (${attempt})`);
      return `did ${mark} at last`;
    };
    const { events, output } = await runWith([call(name)]);
    expect(output).toBe(`did ${name} at last`);
    expect(tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(tries.map(({ key }) => key)).size).toBe(1);
    expect(results(events)).toMatchObject([{ type: 'tool.completed', attempts: 3 }]);
  },
);

test.each(['quick', 'slow'])(
  'an idempotent tool (%s) that fails each time fails after its tries, and the model is told why',
  async (name) => {
    act = () => {
      throw new Error('out of order');
    };
    const { events, output } = await runWith([call(name)]);
    expect(tries).toHaveLength(3);
    expect(results(events)).toMatchObject([{ type: 'tool.failed', error: 'out of order' }]);
    expect(output).toBe('Error: out of order');
  },
);

test('a ToolError is final at once', async () => {
  act = () => {
    throw new ToolError('division by zero');
  };
  expect((await runWith([call('quick')])).output).toBe('Error: division by zero');
  expect(tries).toHaveLength(1);
});

test('a tool that is not idempotent is tried once, unless its own policy says otherwise', async () => {
  act = () => {
    throw new Error('no');
  };
  await runWith([call('once')]);
  expect(tries).toHaveLength(1);
  tries = [];
  await runWith([call('stubborn-once')]);
  expect(tries).toHaveLength(3);
});

test('different calls have different keys', async () => {
  await runWith([call('quick', 'a'), call('quick', 'b'), call('once', 'c')]);
  expect(new Set(tries.map(({ key }) => key)).size).toBe(3);
});

test('an idempotent tool that takes too long is stopped, tried again, and fails', async () => {
  act = (_mark, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const { events, output } = await runWith([call('hasty')]);
  expect(tries).toHaveLength(3);
  expect(results(events)).toMatchObject([{ type: 'tool.failed' }]);
  expect(output).toMatch(/took longer than its 30 ms/);
});

test('a tool that is not idempotent and takes too long has an unknown outcome, and is not tried again', async () => {
  act = () => new Promise(() => {});
  const { events, output } = await runWith([call('hasty-once')]);
  expect(tries).toHaveLength(1);
  expect(results(events)).toMatchObject([{ type: 'tool.unknown' }]);
  expect(output).toMatch(/^Outcome unknown/);
});

test('an unknown tool is refused to the model, and the run goes on', async () => {
  const { events, output } = await runWith([call('nothing'), call('quick')]);
  expect(output).toMatch(/^Error: There is no tool "nothing"\. Available: .*quick.* \| did quick$/);
  expect(
    results(events)
      .map(({ type }) => type)
      .toSorted(),
  ).toEqual(['tool.completed', 'tool.failed']);
});

test('malformed arguments, and arguments of a wrong shape, are given back to the model as errors', async () => {
  const { output } = await runWith([
    call('quick', 'a', { arguments: '{"mark": ', malformed: 'the arguments are not JSON' }),
    call('quick', 'b', { arguments: { mark: 5 } }),
    call('once', 'c', { arguments: {} }),
  ]);
  expect(tries).toHaveLength(0);
  expect(output.split(' | ')).toEqual([
    expect.stringMatching(/^Error: The arguments were not accepted: the arguments are not JSON/),
    expect.stringMatching(/^Error: The arguments are not valid: mark/),
    expect.stringMatching(/^Error: The arguments are not valid: mark/),
  ]);
});

test('a call id that the model repeats gets one of its own, within a reply and across steps', async () => {
  const { key, runId, output } = await runWith([
    call('quick', 'a', { callId: 'x' }),
    call('quick', 'b', { callId: 'x' }),
  ]);
  expect(output).toBe('did a | did b');
  const run = await readRun(stack.db, key, runId);
  expect(run?.toolCalls.map(({ callId }) => callId)).toEqual(['x', 'x-2']);
});

test('progress is shown on the live channel, and stored nowhere', async () => {
  act = (mark, { progress }) => {
    progress({ done: 'halfway' });
    return mark;
  };
  for (const name of ['quick', 'slow']) {
    const key = stack.key();
    const live: LiveEvent[] = [];
    const subscription = await stack.live.subscribe(key, (message) => {
      if (message.kind === 'live') live.push(message.event);
    });
    await stack.sender.submit(key, { content: JSON.stringify([call(name)]) });
    const events = await stack.ended(key);
    expect(live).toContainEqual(
      expect.objectContaining({
        type: 'tool.progress',
        step: 1,
        callId: `call-${name}`,
        tool: name,
        progress: { done: 'halfway' },
      }),
    );
    expect(JSON.stringify(events)).not.toContain('halfway');
    subscription.close();
  }
});

test.each(['quick', 'once'])("a tool (%s) reads and writes its session's state and metadata", async (name) => {
  act = async (_mark, { state, metadata }) => {
    const { visits = 0 } = (await state.read()) as { visits?: number };
    await state.merge({ visits: visits + 1 });
    await metadata.merge({ last: name, before: (await metadata.read())['last'] });
    return visits;
  };
  const { key, events } = await runWith([call(name)]);
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'session.updated', state: { [name]: { visits: 1 } }, namespaces: [name] }),
  );
  await stack.sender.submit(key, { content: JSON.stringify([call(name, 'again')]) });
  await stack.ended(key, 2);
  expect(await readSession(stack.db, key)).toMatchObject({
    state: { [name]: { visits: 2 } },
    metadata: { last: name, before: name },
  });
});

test('calls side by side lose none of what each of them adds to the state', async () => {
  act = async (mark, { state }) => {
    await state.merge((now) => ({ count: Number(now['count'] ?? 0) + 1, [mark]: true }));
  };
  const marks = Array.from({ length: 20 }, (_, n) => `n${n}`);
  const { key } = await runWith(marks.map((mark) => call('quick', mark)));
  expect((await readSession(stack.db, key))?.state).toEqual({
    quick: { count: 20, ...Object.fromEntries(marks.map((mark) => [mark, true])) },
  });
});

test('a tool that is run again after its worker went between a write and its end finds what it wrote', async () => {
  const written = Promise.withResolvers<void>();
  act = async (_mark, { attempt, idempotencyKey, state }) => {
    await state.merge((now) =>
      now['by'] === idempotencyKey ? {} : { by: idempotencyKey, paid: Number(now['paid'] ?? 0) + 5 },
    );
    if (attempt > 1) return (await state.read())['paid'];
    written.resolve();
    return new Promise(() => {});
  };
  const key = stack.key();
  await stack.sender.submit(key, { content: JSON.stringify([call('slow')]) });
  await written.promise;
  await stack.stopWorker();
  await stack.startWorker();
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: '5' });
  expect(events.filter(({ type }) => type === 'session.updated')).toHaveLength(1);
  expect(tries.length).toBeGreaterThan(1);
});

test('a tool is told who calls', async () => {
  let seen: Partial<ToolContext> = {};
  act = (_mark, context) => {
    seen = context;
    return null;
  };
  const { key, runId } = await runWith([call('once')]);
  expect(seen).toMatchObject({ session: key, runId, step: 1, callId: 'call-once', attempt: 1 });
});

test('64 calls of one reply are all made, side by side', async () => {
  const calls = Array.from({ length: 64 }, (_, n) => call(n % 8 === 0 ? 'once' : 'quick', `n${n}`));
  let going = 0;
  let most = 0;
  act = async (mark) => {
    most = Math.max(most, (going += 1));
    await new Promise(setImmediate);
    going -= 1;
    return mark;
  };
  const { key, output, events } = await runWith(calls);
  expect(output.split(' | ')).toEqual(calls.map((_, n) => `n${n}`));
  expect(results(events)).toHaveLength(64);
  expect(most).toBeGreaterThan(8);
  expect(failedTasks(await historyOf(stack.client, workflowIdOf(key)))).toEqual([]);
});

test('65 calls of one reply fail the run with a reason, and none is made', async () => {
  const { events } = await runWith(Array.from({ length: 65 }, (_, n) => call('quick', `n${n}`)));
  expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'too_many_tool_calls' } });
  expect(tries).toHaveLength(0);
});

test('a result that is no JSON, or too large, is an error that the model is told', async () => {
  act = (mark) => (mark === 'large' ? 'x'.repeat(600_000) : 10n);
  const { output } = await runWith([call('quick', 'large'), call('quick', 'bigint')]);
  expect(output).toMatch(/^Error: The result of the tool is too large.* \| Error: The result of the tool is not JSON/);
});
