import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { CallSettlement, ProgramCall, ProgramLimits } from '../../sandbox/program.ts';
import { runProgram } from '../../sandbox/run-program.ts';

const LIMITS: ProgramLimits = {
  memoryBytes: 16 * 1024 * 1024,
  computeMs: 2_000,
  calls: 20,
  jsonCharacters: 10_000,
  logCharacters: 200,
};

interface Given {
  readonly limits?: Partial<ProgramLimits>;
  readonly call?: (call: ProgramCall) => Promise<CallSettlement>;
  readonly signal?: AbortSignal;
}

function run(source: string, { limits, call = echo, signal = new AbortController().signal }: Given = {}) {
  const program = { source, tools: ['echo', 'add'], now: '2026-01-02T03:04:05.678Z', seed: 7 };
  return runProgram(program, { ...LIMITS, ...limits }, { call, signal });
}

async function echo({ arguments: args }: ProgramCall): Promise<CallSettlement> {
  return { result: args };
}

test('a program returns JSON, and what it writes to the console', async () => {
  const outcome = await run(`console.log('sum', 1 + 1, { a: [1] }); return { answer: [1, null, 'two'] };`);
  expect(outcome).toEqual({ status: 'completed', result: { answer: [1, null, 'two'] }, logs: ['sum 2 {"a":[1]}'] });
});

test('a program without a result returns null', async () => {
  expect(await run('')).toMatchObject({ status: 'completed', result: null });
});

test('calls get the results of tools, one after the other and side by side', async () => {
  const seen: ProgramCall[] = [];
  const call = async (made: ProgramCall): Promise<CallSettlement> => {
    seen.push(made);
    return await echo(made);
  };
  const source = `
    const first = await tools.echo({ n: 1 });
    const both = await Promise.all([tools.echo({ n: first.n + 1 }), tools.add({ n: 3 })]);
    return both.map(({ n }) => n);`;
  expect(await run(source, { call })).toMatchObject({ result: [2, 3] });
  expect(seen).toEqual([
    { index: 1, tool: 'echo', arguments: { n: 1 } },
    { index: 2, tool: 'echo', arguments: { n: 2 } },
    { index: 3, tool: 'add', arguments: { n: 3 } },
  ]);
});

async function noSuchCity(): Promise<CallSettlement> {
  return { error: 'No such city.' };
}

test('a call that failed is an error that the program can catch', async () => {
  const source = `try { await tools.echo({}); } catch (error) { return [error instanceof Error, error.message]; }`;
  expect(await run(source, { call: noSuchCity })).toMatchObject({ result: [true, 'No such city.'] });
});

test('an error that the program does not catch is its outcome, with the line', async () => {
  const outcome = await run(`const a = 1;\nthrow new TypeError('not ' + a);`);
  expect(outcome).toMatchObject({ status: 'failed', error: 'TypeError: not 1 (line 2)' });
});

test('a program that cannot be parsed fails with the line', async () => {
  expect(await run('const a = 1;\nconst b = = 2;')).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(/^SyntaxError: .*line 2/),
  });
});

test('an endless loop ends after its time', async () => {
  const outcome = await run('for (;;);', { limits: { computeMs: 50 } });
  expect(outcome).toMatchObject({ status: 'failed', error: 'The program computed for more than 50 ms.' });
});

test('an endless loop that catches everything ends after its time', async () => {
  const source = 'for (;;) { try { for (;;); } catch {} }';
  expect(await run(source, { limits: { computeMs: 50 } })).toMatchObject({
    error: 'The program computed for more than 50 ms.',
  });
});

test('an endless chain of promises ends after its time', async () => {
  const source = 'const next = () => Promise.resolve().then(next); await next();';
  expect(await run(source, { limits: { computeMs: 50 } })).toMatchObject({
    error: 'The program computed for more than 50 ms.',
  });
});

async function echoLater(made: ProgramCall): Promise<CallSettlement> {
  await delay(200);
  return await echo(made);
}

test('the time that a call takes is not the time of the program', async () => {
  const outcome = await run('return await tools.echo({ n: 1 });', { call: echoLater, limits: { computeMs: 150 } });
  expect(outcome).toMatchObject({ result: { n: 1 } });
});

test.each([
  ['a list that grows', 'const all = []; for (;;) all.push(new Array(1000).fill(0));'],
  ['a text that grows', 'let text = "x"; for (;;) text += text;'],
  ['a recursion without end', 'const deeper = () => 1 + deeper(); return deeper();'],
])('%s fails', async (_, source) => {
  expect(await run(source)).toMatchObject({ status: 'failed' });
});

test('a program that waits for what nothing settles fails', async () => {
  const outcome = await run('await new Promise(() => {});');
  expect(outcome).toMatchObject({ error: 'The program waits for a promise that nothing settles.' });
});

test('the number of calls is limited', async () => {
  const source = 'for (let n = 1; ; n++) await tools.echo({ n });';
  expect(await run(source)).toMatchObject({ error: expect.stringContaining('A program can make 20 calls of tools.') });
});

test.each([
  [
    'arguments',
    'return await tools.echo({ text: "x".repeat(20000) });',
    'The arguments of the call has 20011 characters',
  ],
  ['result', 'return "x".repeat(20000);', 'The result has 20002 characters'],
])('the size of the %s is limited', async (_, source, problem) => {
  expect(await run(source)).toMatchObject({ status: 'failed', error: expect.stringContaining(problem) });
});

test('the console is limited', async () => {
  const outcome = await run('for (let n = 0; n < 100; n++) console.log("line " + n);');
  expect(outcome.logs.join('\n').length).toBeLessThan(300);
  expect(outcome.logs.at(-1)).toContain('The rest of the output is left out.');
});

test('there is no network, no file, no process, no module and no timer', async () => {
  const names = ['fetch', 'require', 'process', 'setTimeout', 'XMLHttpRequest', 'WebSocket', 'WeakRef', 'performance'];
  expect(await run(`return ${JSON.stringify(names)}.filter((name) => name in globalThis);`)).toMatchObject({
    result: [],
  });
  expect(await run('await import("node:fs");')).toMatchObject({ status: 'failed' });
});

test('the time stands still, in UTC', async () => {
  const source = `
    const date = new Date(2026, 0, 31, 23);
    return [Date.now(), new Date().toISOString(), new Date().getHours(), date.toISOString(), date.getTimezoneOffset()];`;
  const now = '2026-01-02T03:04:05.678Z';
  expect(await run(source)).toMatchObject({ result: [Date.parse(now), now, 3, '2026-01-31T23:00:00.000Z', 0] });
});

test('random numbers are the same each time, and differ from one another', async () => {
  const source = 'return [Math.random(), Math.random(), Math.random()];';
  const first = await run(source);
  expect(await run(source)).toEqual(first);
  expect(new Set((first as { result: number[] }).result).size).toBe(3);
});

test('a program that replaces the globals gets its results all the same', async () => {
  const source = `
    JSON.parse = JSON.stringify = () => 'replaced';
    globalThis.Promise = null; globalThis.Error = null;
    return await tools.echo({ n: 1 });`;
  expect(await run(source)).toMatchObject({ result: { n: 1 } });
});

test('a program is ended when its host asks for it', async () => {
  const stop = new AbortController();
  const call = async (): Promise<CallSettlement> => {
    stop.abort(new Error('stopped'));
    return await new Promise(() => {});
  };
  await expect(run('await tools.echo({});', { call, signal: stop.signal })).rejects.toThrow('stopped');
});

async function storeIsAway(): Promise<never> {
  throw new Error('the store is away');
}

test('a host that cannot make a call ends the program', async () => {
  const source = 'try { await tools.echo({}); } catch { return 1; }';
  await expect(run(source, { call: storeIsAway })).rejects.toThrow('the store is away');
});
