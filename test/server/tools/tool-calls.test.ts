import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { call, type MarkedTools, results, startMarkedTools } from '../../support/marked-tools.ts';
import { failedTasks, historyOf } from '../../support/temporal/raw-temporal.ts';

let marked: MarkedTools;
beforeAll(async () => {
  marked = await startMarkedTools();
});
afterAll(() => marked[Symbol.asyncDispose]());
beforeEach(() => marked.reset());

test('an unknown tool is refused to the model, and the run goes on', async () => {
  const { events, output } = await marked.runWith([call('nothing'), call('quick')]);
  expect(output).toMatch(/^Error: There is no tool "nothing"\. Available: .*quick.* \| did quick$/);
  expect(
    results(events)
      .map(({ type }) => type)
      .toSorted(),
  ).toEqual(['tool.completed', 'tool.failed']);
});

test('malformed arguments, and arguments of a wrong shape, are given back to the model as errors', async () => {
  const { output } = await marked.runWith([
    call('quick', 'a', { arguments: '{"mark": ', malformed: 'the arguments are not JSON' }),
    call('quick', 'b', { arguments: { mark: 5 } }),
    call('once', 'c', { arguments: {} }),
  ]);
  expect(marked.tries).toHaveLength(0);
  expect(output.split(' | ')).toEqual([
    expect.stringMatching(/^Error: The arguments were not accepted: the arguments are not JSON/),
    expect.stringMatching(/^Error: The arguments are not valid: mark/),
    expect.stringMatching(/^Error: The arguments are not valid: mark/),
  ]);
});

test('a call id that the model repeats gets one of its own, within a reply and across steps', async () => {
  const { key, runId, output } = await marked.runWith([
    call('quick', 'a', { callId: 'x' }),
    call('quick', 'b', { callId: 'x' }),
  ]);
  expect(output).toBe('did a | did b');
  const run = await readRun(marked.stack.db, key, runId);
  expect(run?.toolCalls.map(({ callId }) => callId)).toEqual(['x', 'x-2']);
});

test('64 calls of one reply are all made, side by side', async () => {
  const calls = Array.from({ length: 64 }, (_, n) => call(n % 8 === 0 ? 'once' : 'quick', `n${n}`));
  let going = 0;
  let most = 0;
  marked.act = async (mark) => {
    most = Math.max(most, (going += 1));
    await new Promise(setImmediate);
    going -= 1;
    return mark;
  };
  const { key, output, events } = await marked.runWith(calls);
  expect(output.split(' | ')).toEqual(calls.map((_, n) => `n${n}`));
  expect(results(events)).toHaveLength(64);
  expect(most).toBeGreaterThan(8);
  expect(failedTasks(await historyOf(marked.stack.client, workflowIdOf(key)))).toEqual([]);
});

test('65 calls of one reply fail the run with a reason, and none is made', async () => {
  const { events } = await marked.runWith(Array.from({ length: 65 }, (_, n) => call('quick', `n${n}`)));
  expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'too_many_tool_calls' } });
  expect(marked.tries).toHaveLength(0);
});

test('a result that is no JSON, or too large, is an error that the model is told', async () => {
  marked.act = (mark) => (mark === 'large' ? 'x'.repeat(600_000) : 10n);
  const { output } = await marked.runWith([call('quick', 'large'), call('quick', 'bigint')]);
  expect(output).toMatch(/^Error: The result of the tool is too large.* \| Error: The result of the tool is not JSON/);
});
