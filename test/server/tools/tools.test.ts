import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ToolError } from '../../../agents/define-tool.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { call, type MarkedTools, results, startMarkedTools } from '../../support/marked-tools.ts';

let marked: MarkedTools;
beforeAll(async () => {
  marked = await startMarkedTools();
});
afterAll(() => marked[Symbol.asyncDispose]());
beforeEach(() => marked.reset());

test('a quick idempotent tool runs in place: one activity does the whole run', async () => {
  const { key, output } = await marked.runWith([call('quick')]);
  expect(output).toBe('did quick');
  expect((await marked.lines(key)).map(({ type }) => type)).toEqual(['advanceRun']);
});

test('a slow tool, and one that is not idempotent, get an activity each, with their name as summary', async () => {
  const { key, output } = await marked.runWith([call('quick'), call('slow'), call('once')]);
  expect(output).toBe('did quick | did slow | did once');
  const [first, ...rest] = await marked.lines(key);
  expect(first).toMatchObject({ type: 'advanceRun' });
  expect(rest.slice(0, 2)).toEqual([
    { type: 'runTool', summary: 'tool slow' },
    { type: 'runTool', summary: 'tool once' },
  ]);
  expect(rest.slice(2).map(({ type }) => type)).toEqual(['advanceRun']);
});

test('with stepsPerActivity 1 each model call and each tool has a line of its own', async () => {
  const { key, output } = await marked.runWith([call('quick', 'a'), call('quick', 'b')], 'fine');
  expect(output).toBe('did a | did b');
  expect((await marked.lines(key)).map(({ type }) => type)).toEqual(['advanceRun', 'runTool', 'runTool', 'advanceRun']);
});

/** What the events of a run say, without when and in which order. */
const shape = ({ events }: { events: PerdureEvent[] }) =>
  events
    .map((event) => `${event.type} ${JSON.stringify('result' in event ? event.result : null)}`)
    .toSorted((a, b) => a.localeCompare(b));

test('the transcript is the same wherever the tools ran', async () => {
  const calls = [call('quick', 'a'), call('slow', 'b')];
  expect(shape(await marked.runWith(calls, 'fine'))).toEqual(shape(await marked.runWith(calls)));
});

test.each(['quick', 'slow'])(
  'a failing idempotent tool (%s) is tried again with the same key, and its tries are counted',
  async (name) => {
    marked.act = (mark, { attempt }) => {
      if (attempt < 3) throw new Error(`not yet (${attempt})`);
      return `did ${mark} at last`;
    };
    const { events, output } = await marked.runWith([call(name)]);
    expect(output).toBe(`did ${name} at last`);
    expect(marked.tries.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(marked.tries.map(({ key }) => key)).size).toBe(1);
    expect(results(events)).toMatchObject([{ type: 'tool.completed', attempts: 3 }]);
  },
);

test.each(['quick', 'slow'])(
  'an idempotent tool (%s) that fails each time fails after its tries, and the model is told why',
  async (name) => {
    marked.act = () => {
      throw new Error('out of order');
    };
    const { events, output } = await marked.runWith([call(name)]);
    expect(marked.tries).toHaveLength(3);
    expect(results(events)).toMatchObject([{ type: 'tool.failed', error: 'out of order' }]);
    expect(output).toBe('Error: out of order');
  },
);

test('a ToolError is final at once', async () => {
  marked.act = () => {
    throw new ToolError('division by zero');
  };
  expect((await marked.runWith([call('quick')])).output).toBe('Error: division by zero');
  expect(marked.tries).toHaveLength(1);
});

test('a tool that is not idempotent is tried once, unless its own policy says otherwise', async () => {
  marked.act = () => {
    throw new Error('no');
  };
  await marked.runWith([call('once')]);
  expect(marked.tries).toHaveLength(1);
  await marked.runWith([call('stubborn-once')]);
  expect(marked.tries).toHaveLength(1 + 3);
});

test('different calls have different keys', async () => {
  await marked.runWith([call('quick', 'a'), call('quick', 'b'), call('once', 'c')]);
  expect(new Set(marked.tries.map(({ key }) => key)).size).toBe(3);
});

test('an idempotent tool that takes too long is stopped, tried again, and fails', async () => {
  marked.act = (_mark, { signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const { events, output } = await marked.runWith([call('hasty')]);
  expect(marked.tries).toHaveLength(3);
  expect(results(events)).toMatchObject([{ type: 'tool.failed' }]);
  expect(output).toMatch(/timed out after 30 ms/);
});

test('a tool that is not idempotent and takes too long has an unknown outcome, and is not tried again', async () => {
  marked.act = () => new Promise(() => {});
  const { events, output } = await marked.runWith([call('hasty-once')]);
  expect(marked.tries).toHaveLength(1);
  expect(results(events)).toMatchObject([{ type: 'tool.unknown' }]);
  expect(output).toMatch(/^Outcome unknown/);
});
