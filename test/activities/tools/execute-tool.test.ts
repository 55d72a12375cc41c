import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { executeTool, type AttemptOutcome, type ToolAttempt } from '../../../activities/tools/execute-tool.ts';
import { ToolError, defineTool, type ToolOptions } from '../../../agents/define-tool.ts';
import { file } from '../../../agents/tool-file.ts';
import { PerdureError } from '../../../contracts/errors.ts';
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

test.each<[string, () => unknown]>([
  ['Map', () => new Map([['a', 1]])],
  ['Set', () => new Set([1])],
  ['Error', () => new RangeError('lost')],
  ['Error', () => Object.assign(new Error('lost'), { code: 'ENOENT' })],
  ['Response', () => new Response('body')],
  ['Promise', () => ({ later: Promise.resolve(1) })],
  ['Uint8Array', () => [new Uint8Array(3)]],
  ['RegExp', () => /x/],
  ['BigInt', () => ({ n: 1n })],
])('a result that contains an object of the type %s fails, instead of losing its content', async (type, make) => {
  const outcome = await run(make);
  expect(outcome).toMatchObject({ status: 'failed', retryable: false });
  expect(outcome).toHaveProperty('error', expect.stringMatching(new RegExp(`not JSON: .*${type}`)));
});

test('a result may contain objects of a class and objects with toJSON', async () => {
  class Point {
    readonly x = 1;
  }
  const result = { point: new Point(), at: new Date(0), url: new URL('http://a.example/'), empty: {} };
  await expect(run(() => result)).resolves.toEqual({
    status: 'completed',
    result: { point: { x: 1 }, at: '1970-01-01T00:00:00.000Z', url: 'http://a.example/', empty: {} },
  });
});

test('a result whose getters or toJSON throw fails with what they throw', async () => {
  const hostile = {
    get value(): never {
      throw new Error('not readable');
    },
  };
  expect(await run(() => hostile)).toMatchObject({ status: 'failed', error: expect.stringContaining('not readable') });
  const noMessage = {
    toJSON(): never {
      throw undefined as unknown as Error;
    },
  };
  expect(await run(() => noMessage)).toMatchObject({ status: 'failed', error: expect.stringContaining('not JSON') });
});

test('a result that is several times too large is not converted to its end', async () => {
  let read = 0;
  const item = { toJSON: () => (read += 1) };
  const items = Array.from({ length: 5 * LIMITS.toolResultBytes.value }, () => item);
  expect(await run(() => items)).toMatchObject({ status: 'failed', error: expect.stringContaining('too large') });
  expect(read).toBeLessThan(items.length);
});

test('a result that is nested too deeply fails, and names the limit', async () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  const limit = LIMITS.toolJsonDepth.value;
  await expect(run(() => nested(limit))).resolves.toMatchObject({ status: 'completed' });
  await expect(run(() => nested(limit + 1))).resolves.toMatchObject({
    status: 'failed',
    error: expect.stringContaining(`the limit is ${limit} levels`),
  });
});

test('progress that is not JSON, or too large, fails the tool, and readers get a copy', async () => {
  const seen: Json[] = [];
  const context = toolContext({ progress: (progress) => void seen.push(progress) });
  const report = (value: unknown) => run((_args, tool) => tool.progress(value as Json), { context });
  expect(await report({ n: 1n })).toMatchObject({ status: 'failed', error: expect.stringContaining('progress') });
  expect(await report('x'.repeat(LIMITS.toolProgressBytes.value))).toMatchObject({ status: 'failed' });
  const value = { done: 1 };
  await report(value);
  value.done = 2;
  expect(seen).toEqual([{ done: 1 }]);
});

test('what a tool does to its arguments does not reach the next attempt', async () => {
  const args = { list: [1] };
  await run((given) => void (given['list'] as number[]).push(2), { args });
  expect(args).toEqual({ list: [1] });
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

test('an error that cannot be read is an error without a message', async () => {
  const hostile = {
    get message(): never {
      throw new Error('no');
    },
    get retryable(): never {
      throw new Error('no');
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  for (const error of [hostile, revoked.proxy]) {
    expect(await thrown(error)).toEqual({
      status: 'failed',
      error: 'The tool failed without an error message.',
      retryable: true,
    });
  }
});

test('an error without a message is described by its errors or by its cause', async () => {
  expect(await thrown(new AggregateError([new Error('first'), new Error('second')]))).toMatchObject({
    error: 'first; second',
  });
  expect(await thrown(new Error('', { cause: new Error('no route') }))).toMatchObject({ error: 'no route' });
  const circle = new Error('');
  circle.cause = circle;
  expect(await thrown(circle)).toMatchObject({ error: 'The tool failed: Error.' });
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

test('a file in a result is saved once, and the result has a reference in its place', async () => {
  const saved: string[] = [];
  const saveFile: ToolAttempt['saveFile'] = async ({ name }) => {
    saved.push(name);
    return { id: `att_${saved.length}`, name, contentType: 'text/csv', size: 3, sha256: '' };
  };
  const table = file({ data: 'a,b', name: 'table.csv' });
  const outcome = await run(() => ({ rows: 1, files: [table, { again: table }], at: new Date(0) }), { saveFile });
  const reference = { attachmentId: 'att_1', name: 'table.csv', contentType: 'text/csv', size: 3 };
  expect(outcome).toEqual({
    status: 'completed',
    result: { rows: 1, files: [reference, { again: reference }], at: '1970-01-01T00:00:00.000Z' },
    attachments: ['att_1'],
  });
  expect(saved).toEqual(['table.csv']);
});

test('too many files, and one that is too large, fail the call with the reason', async () => {
  const many = Array.from({ length: LIMITS.toolFiles.value + 1 }, (_, index) => file({ data: 'x', name: `${index}` }));
  expect(await run(() => many)).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('the limit is 16') as string,
  });
  const refused = new PerdureError('too_large', 'The limit is 1.');
  expect(
    await run(() => file({ data: 'xx', name: 'big' }), { saveFile: async () => Promise.reject(refused) }),
  ).toMatchObject({
    status: 'failed',
    error: 'The file "big" in the result of the tool is too large: The limit is 1.',
    retryable: false,
  });
  expect(() => file({ data: 'x', name: 'a/b' })).toThrow('must not contain slashes');
});
