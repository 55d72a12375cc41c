import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool, ToolError, type ToolContext } from '../../../agents/define-tool.ts';
import { runProgram } from '../../../agents/tools/run-program.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { RunDetail } from '../../../contracts/session/run.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { lastUserMessage, type FunctionReply } from '../../../testing/function-models.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

type Act = (name: string, context: Pick<ToolContext, 'signal' | 'attempt' | 'idempotencyKey'>) => unknown;

const did: Act = (name) => `did ${name}`;
/** What the tools do. */
let act: Act = did;
let requests: ModelRequest[] = [];
let stack: Stack;

const parameters = z.object({ name: z.string() });
const once = defineTool({
  name: 'once',
  description: 'Acts once.',
  parameters,
  execute: ({ name }, context) => act(name, context),
});
const again = defineTool({
  name: 'again',
  description: 'May act again.',
  parameters,
  idempotent: true,
  retry: { initialIntervalMs: 1 },
  execute: ({ name }, context) => act(name, context),
});
const CODER: AgentSpec = { name: 'coder', tools: ['once', 'again'], codeMode: true };
const MIXED: AgentSpec = { name: 'mixed', tools: ['once', 'again'], codeMode: { tools: ['again'] } };

/** A message has the name of a tool and, on the next lines, the source of a program or the name that the tool is called with. */
function replyTo(request: ModelRequest): FunctionReply {
  requests.push(request);
  const last = request.messages.at(-1);
  if (last?.role === 'tool') return last.content;
  const [, tool = '', given = ''] = /^(\w+)\n([^]*)$/.exec(lastUserMessage(request)) ?? [];
  const args = tool === 'run_program' ? { source: given } : { name: given };
  return { toolCalls: [{ callId: 'call-1', tool, arguments: args, malformed: null }] };
}

beforeAll(async () => {
  const tools = [once, again, runProgram];
  stack = await startStack({ temporal: await testTemporal(), agents: [CODER, MIXED], tools, model: replyTo });
});
afterAll(() => stack[Symbol.asyncDispose]());
afterEach(() => {
  act = did;
});

async function send(content: string, agent = 'coder') {
  requests = [];
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content, agent });
  if (runId === null) throw new Error('No worker has admitted the message.');
  return { key, runId };
}

async function answer(content: string, agent?: string): Promise<RunDetail> {
  const { key, runId } = await send(content, agent);
  await stack.ended(key);
  const run = await readRun(stack.db, key, runId);
  if (!run) throw new Error('The store has no such run.');
  return run;
}

function callsOf({ toolCalls }: RunDetail) {
  return toolCalls.map(({ callId, program, tool, status }) => ({ callId, program, tool, status }));
}

test('a program calls tools, which are recorded as its calls, and the model gets what it returns', async () => {
  const source = `
    console.log('begins');
    const all = [];
    for (const name of ['a', 'b']) all.push(await tools.again({ name }));
    return all;`;
  const run = await answer(`run_program\n${source}`);
  expect(JSON.parse(run.output ?? '')).toEqual({ result: ['did a', 'did b'], logs: ['begins'] });
  expect(callsOf(run)).toEqual([
    { callId: 'call-1', program: undefined, tool: 'run_program', status: 'completed' },
    { callId: 'call-1/1', program: 'call-1', tool: 'again', status: 'completed' },
    { callId: 'call-1/2', program: 'call-1', tool: 'again', status: 'completed' },
  ]);
});

test('the model is given the program tool with the declarations of the others, and none of their calls', async () => {
  await answer(`run_program\nreturn await tools.again({ name: 'a' });`);
  const [first, second] = requests;
  expect(first?.tools.map(({ name }) => name)).toEqual(['run_program']);
  expect(first?.tools[0]?.description).toContain('  /** Acts once. */\n  once(args: { name: string }): Promise<any>;');
  expect(second?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
});

test('tools that are not named in codeMode are called by the model, and the others only by programs', async () => {
  expect((await answer('once\na', 'mixed')).output).toBe('did a');
  expect(requests[0]?.tools.map(({ name }) => name)).toEqual(['once', 'run_program']);
  const refused = await answer('again\na', 'mixed');
  expect(refused.output).toBe('Error: The tool "again" can be called only in a program: see run_program.');
  expect((await answer(`run_program\nreturn Object.keys(tools);`, 'mixed')).output).toBe('["again"]');
});

test('a call that fails is an error in the program, with its tries as for any call', async () => {
  act = (name, { attempt }) => {
    if (name === 'wrong') throw new ToolError('out of order');
    if (attempt < 3) throw new Error('not yet');
    return attempt;
  };
  const source = `
    const problem = await tools.once({ name: 'wrong' }).catch((error) => error.message);
    return [problem, await tools.again({ name: 'late' })];`;
  const run = await answer(`run_program\n${source}`);
  expect(JSON.parse(run.output ?? '')).toEqual(['out of order', 3]);
  expect(run.toolCalls.map(({ attempts }) => attempts)).toEqual([1, 1, 3]);
});

test('arguments that do not match the schema of a tool are an error in the program', async () => {
  const run = await answer(`run_program\nreturn await tools.once({ name: 7 }).catch((error) => error.message);`);
  expect(run.output).toContain('The arguments are not valid: name');
});

test('an error of the program is what the model is given, with the output and the line', async () => {
  const run = await answer(`run_program\nconsole.log('begins');\nnull.name;`);
  expect(run.output).toMatch(/^Error: TypeError: .*\(line 2\)\nIts output:\nbegins$/);
});

test('a cancel ends the program and its calls', async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  act = async (_, { signal }) => {
    begun.resolve();
    signal.addEventListener('abort', () => ended.resolve());
    await ended.promise;
  };
  const { key, runId } = await send(`run_program\nreturn await tools.once({ name: 'a' });`);
  await begun.promise;
  await stack.sender.cancel(key, { runId });
  await ended.promise;
  await stack.ended(key);
  const run = await readRun(stack.db, key, runId);
  expect(run?.status).toBe('cancelled');
  expect(run && callsOf(run).map(({ tool, status }) => [tool, status])).toEqual([
    ['run_program', 'cancelled'],
    ['once', 'unknown'],
  ]);
});

test('a program whose worker leaves is repeated elsewhere: what it had is not done again, in the same order', async () => {
  const acts: string[] = [];
  const begun = Promise.withResolvers<void>();
  let isFirst = true;
  act = async (name, { signal }) => {
    acts.push(name);
    if (name !== 'held' || !isFirst) return `did ${name}`;
    isFirst = false;
    begun.resolve();
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(signal.reason));
    return await promise;
  };
  const source = `
    const order = [];
    const note = async (name, tool) => { await tool({ name }); order.push(name); };
    await Promise.all([note('x', tools.once), note('y', tools.once)]);
    const random = Math.random();
    await Promise.all([note('held', tools.again), note('z', tools.once)]);
    return { order, random: random === Math.random(), now: Date.now() };`;
  const { key, runId } = await send(`run_program\n${source}`);
  await begun.promise;
  await stack.until(key, (events) => events.filter(({ type }) => type === 'tool.completed').length === 3);
  await stack.stopWorker();
  await stack.startWorker();
  await stack.ended(key);
  const run = await readRun(stack.db, key, runId);
  expect(JSON.parse(run?.output ?? '')).toMatchObject({ random: false });
  expect(acts.toSorted()).toEqual(['held', 'held', 'x', 'y', 'z']);
  const completed = (await stack.events(key)).flatMap((event) =>
    event.type === 'tool.completed' && event.program ? [event.callId] : [],
  );
  const names = ['x', 'y', 'held', 'z'];
  expect(JSON.parse(run?.output ?? '').order).toEqual(completed.map((id) => names[Number(id.split('/')[1]) - 1]));
});

test('a call that is not idempotent and whose worker was lost is not made again, and the program is told so', async () => {
  const acts: string[] = [];
  const begun = Promise.withResolvers<void>();
  act = async (name, { signal }) => {
    acts.push(name);
    begun.resolve();
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => reject(signal.reason));
    return await promise;
  };
  const { key, runId } = await send(
    `run_program\nreturn await tools.once({ name: 'a' }).catch((error) => error.message);`,
  );
  await begun.promise;
  await stack.stopWorker();
  await stack.startWorker();
  await stack.ended(key);
  const run = await readRun(stack.db, key, runId);
  expect(run?.output).toContain('The outcome of once is unknown; it may have taken effect.');
  expect(acts).toEqual(['a']);
});
