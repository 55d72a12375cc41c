import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { executeTool, type AttemptOutcome, type ToolAttempt } from '../../../activities/tools/execute-tool.ts';
import { ToolError, defineTool, type ToolOptions } from '../../../agents/define-tool.ts';
import type { Json } from '../../../contracts/json.ts';
import { LIMITS } from '../../../contracts/limits.ts';
import { toolContext } from '../../support/tool-context.ts';

const anything = z.looseObject({});
type Execute = ToolOptions<typeof anything>['execute'];

function run(execute: Execute, changes: Partial<ToolAttempt> = {}): Promise<AttemptOutcome> {
  const tool = defineTool({ name: 'probe', description: 'A probe.', parameters: anything, execute });
  return executeTool({ tool, args: {}, context: toolContext(), signal: new AbortController().signal, ...changes });
}

test('a tool gets its parsed arguments, defaults included, and its idempotency key', async () => {
  const tool = defineTool({
    name: 'greet',
    description: 'Greets.',
    parameters: z.object({ name: z.string(), times: z.number().default(2) }),
    execute: ({ name, times }, { idempotencyKey }) => ({ text: name.repeat(times), idempotencyKey }),
  });
  const outcome = await executeTool({
    tool,
    args: { name: 'ab' },
    context: toolContext({ idempotencyKey: 'k-1' }),
    signal: new AbortController().signal,
  });
  expect(outcome).toEqual({ status: 'completed', result: { text: 'abab', idempotencyKey: 'k-1' } });
});

test('arguments that do not fit are told to the model in one line, and the tool is not called', async () => {
  const execute = vi.fn<() => void>();
  const tool = defineTool({
    name: 'weather',
    description: 'Weather.',
    parameters: z.strictObject({ city: z.string(), days: z.array(z.number().max(7)) }),
    execute,
  });
  const outcome = await executeTool({
    tool,
    args: { citty: 'Bern', days: [1, 9] },
    context: toolContext(),
    signal: new AbortController().signal,
  });
  expect(outcome).toEqual({
    status: 'failed',
    retryable: false,
    error:
      'The arguments are not valid: city: missing, expected string; days[1]: expected number to be <=7, got 9; citty: unknown field; did you mean "city"?.',
  });
  expect(execute).not.toHaveBeenCalled();
});

test.each<Json>(['text', null, [1], 3])('arguments that are %j and no object are refused', async (args) => {
  await expect(run(() => 1, { args })).resolves.toMatchObject({ status: 'failed', retryable: false });
});

test('nothing returned is null, and what JSON changes is changed', async () => {
  await expect(run(() => {})).resolves.toEqual({ status: 'completed', result: null });
  const value = { at: new Date(0), left: undefined, list: [undefined] };
  await expect(run(() => value)).resolves.toEqual({
    status: 'completed',
    result: { at: '1970-01-01T00:00:00.000Z', list: [null] },
  });
});

test('characters that a store cannot keep are replaced, and what looks like their escape is not', async () => {
  const outcome = await run(() => ({ 'k\0': 'a\0b\ud83dc', kept: '\\u0000 \\ud83d 😀' }));
  expect(outcome).toEqual({
    status: 'completed',
    result: { 'k\uFFFD': 'a\uFFFDb\uFFFDc', kept: '\\u0000 \\ud83d 😀' },
  });
});

test('a result that is not JSON fails for good', async () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  for (const result of [circle, 10n, () => 1, Symbol('s')]) {
    const outcome = await run(() => result);
    expect(outcome).toMatchObject({ status: 'failed', retryable: false });
    expect(outcome).toHaveProperty('error', expect.stringContaining('not JSON'));
  }
});

test('a result is too large by one byte, counted in UTF-8, and both sizes are named', async () => {
  const limit = LIMITS.toolResultBytes.value;
  const fits = 'é'.repeat(limit / 2 - 1);
  await expect(run(() => fits)).resolves.toMatchObject({ status: 'completed' });
  const outcome = await run(() => `${fits}x`);
  expect(outcome).toMatchObject({ status: 'failed', retryable: false });
  expect(outcome).toHaveProperty('error', expect.stringContaining(`${limit + 1} bytes as JSON, the limit is ${limit}`));
});

/** How a tool's try ends that throws. */
function thrown(error: unknown): Promise<AttemptOutcome> {
  return run(() => {
    throw error;
  });
}

test('what a tool throws is its error, and may be tried again unless it says otherwise', async () => {
  expect(await thrown(new Error('no route'))).toEqual({ status: 'failed', error: 'no route', retryable: true });
  expect(await thrown(new ToolError('never'))).toEqual({ status: 'failed', error: 'never', retryable: false });
  expect(await thrown(new ToolError('later', { retryable: true }))).toMatchObject({ retryable: true });
  expect(await thrown('just text')).toEqual({ status: 'failed', error: 'just text', retryable: true });
  expect(await thrown(undefined)).toMatchObject({ error: 'The tool failed without an error message.' });
  expect(await thrown(new RangeError())).toMatchObject({ error: 'The tool failed: RangeError.' });
});

test('an error is cut at its limit, between characters', async () => {
  const outcome = await run(() => {
    throw new Error(`${'x'.repeat(LIMITS.toolErrorCharacters.value - 1)}😀`);
  });
  expect(outcome).toHaveProperty('error', `${'x'.repeat(LIMITS.toolErrorCharacters.value - 1)}\uFFFD`);
});

test('a tool that ignores its signal is abandoned when its time is over', async () => {
  await expect(run(() => new Promise(() => {}), { timeoutMs: 1 })).resolves.toEqual({ status: 'timed-out' });
});

test('a tool that fails because its time is over has timed out', async () => {
  const outcome = run(
    (_args, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    { timeoutMs: 1 },
  );
  await expect(outcome).resolves.toEqual({ status: 'timed-out' });
});

test('a cancel reaches the tool with its reason, and is not taken for a failure', async () => {
  const cancel = new AbortController();
  const reasons: unknown[] = [];
  const started = Promise.withResolvers<void>();
  const execute: Execute = (_args, { signal }) => {
    started.resolve();
    return new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason);
        reject(new Error('stopped in the middle'));
      }),
    );
  };
  const outcome = run(execute, { signal: cancel.signal });
  await started.promise;
  cancel.abort('the user said so');
  await expect(outcome).resolves.toEqual({ status: 'cancelled' });
  expect(reasons).toEqual(['the user said so']);
});

test('a tool is not called when the cancel came first', async () => {
  const execute = vi.fn<() => void>();
  await expect(run(execute, { signal: AbortSignal.abort() })).resolves.toEqual({ status: 'cancelled' });
  expect(execute).not.toHaveBeenCalled();
});

test('a tool is not called when the cancel comes while its arguments are checked', async () => {
  const cancel = new AbortController();
  const execute = vi.fn<() => void>();
  const checked = Promise.withResolvers<boolean>();
  const tool = defineTool({
    name: 'slow_check',
    description: 'Checks slowly.',
    parameters: z.object({}).refine(() => checked.promise),
    execute,
  });
  const outcome = executeTool({ tool, args: {}, context: toolContext(), signal: cancel.signal });
  cancel.abort();
  await expect(outcome).resolves.toEqual({ status: 'cancelled' });
  checked.resolve(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(execute).not.toHaveBeenCalled();
});

test('progress is passed on while the tool runs and dropped when it was abandoned', async () => {
  const shown: Json[] = [];
  const late = Promise.withResolvers<void>();
  const execute: Execute = async (_args, { progress, signal }) => {
    progress({ done: 1 });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await new Promise((resolve) => setImmediate(resolve));
    progress({ done: 2 });
    late.resolve();
  };
  await run(execute, { timeoutMs: 1, context: toolContext({ progress: (progress) => shown.push(progress) }) });
  await late.promise;
  expect(shown).toEqual([{ done: 1 }]);
});

test('a tool that finishes leaves no timer and no listener behind', async () => {
  vi.useFakeTimers();
  try {
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const add = vi.spyOn(signal, 'addEventListener');
    await run(() => 1, { signal });
    expect(vi.getTimerCount()).toBe(0);
    expect(remove.mock.calls.length).toBe(add.mock.calls.length);
  } finally {
    vi.useRealTimers();
  }
});
