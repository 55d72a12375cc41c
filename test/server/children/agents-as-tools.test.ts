import { afterAll, beforeAll, expect, test } from 'vitest';
import { dayOf } from '../../../core/money/utc-period.ts';
import { listRuns } from '../../../store/read/list-runs.ts';
import { listUserRuns } from '../../../store/read/lists/list-user-runs.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { readUsage } from '../../../store/read/statistics/read-usage.ts';
import { childrenOf, DELEGATING_AGENTS, delegatingModel } from '../../support/children/delegating-agents.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
const held = heldModel(delegatingModel);

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    model: held.model,
    agents: [
      ...DELEGATING_AGENTS,
      {
        name: 'one-by-one',
        instructions: 'one-by-one',
        tools: ['writer'],
        agentTools: [{ agent: 'writer', maxParallel: 1 }],
      },
    ],
    deployment: { limits: { childDepth: 2, childrenPerRun: 2 }, policy: { retry: { maxAttempts: 1 } } },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

const resultOf = (events: Awaited<ReturnType<Stack['ended']>>, at = 0) =>
  events.filter(({ type }) => type === 'tool.completed' || type === 'tool.failed')[at];

test('a call of an agent is a run of its own, whose answer is the result of the call', async () => {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'researcher: find it' });
  const events = await stack.ended(key);
  expect(events.map(({ type }) => type)).toEqual([
    'session.opened',
    'message.received',
    'run.started',
    'message.completed',
    'tool.called',
    'tool.completed',
    'run.started',
    'message.completed',
    'run.completed',
  ]);
  expect(resultOf(events)).toMatchObject({ tool: 'researcher', result: 'researcher did find it' });
  const [child] = childrenOf(key, events);
  const run = await readRun(stack.db, child!, child!.session);
  expect(run).toMatchObject({ status: 'completed', agent: 'researcher', output: 'researcher did find it' });
  const parent = await readRun(stack.db, key, runId as string);
  expect(parent?.usage).toMatchObject({ inputTokens: 30, outputTokens: 15 });
});

test('usage of a tree is in its root, and counts once for the user', async () => {
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'researcher: writer> it | writer: that' });
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
  const parent = await readRun(stack.db, key, runId as string);
  // Two calls of the lead, two of the researcher and two of the writer.
  expect(parent?.knownUsage).toMatchObject({ inputTokens: 60, outputTokens: 30 });
  const today = dayOf(new Date().toISOString());
  for (const by of ['day', 'session'] as const) {
    const { total } = await readUsage(stack.db, key.user, { by, from: today, to: today });
    expect(total).toMatchObject({ calls: 6, inputTokens: 60, outputTokens: 30 });
  }
});

test('the failure of a child is the error of the call, and its parent goes on', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'writer: fail | writer: work' });
  const events = await stack.ended(key);
  expect(events.find(({ type }) => type === 'tool.failed')).toMatchObject({
    tool: 'writer',
    error: expect.stringMatching(/^The agent writer failed \(\w+\): /),
  });
  const { data } = await listRuns(stack.db, key, { limit: 1 });
  expect(data).toMatchObject([{ agent: 'lead', childRuns: 2 }]);
  const { data: listed } = await listUserRuns(stack.db, key.user, { order: 'newest', limit: 10 });
  expect(listed.filter(({ parent }) => parent !== undefined)).toMatchObject([
    { agent: 'writer', parent: { sessionId: key.session, runId: data[0]?.id } },
    { agent: 'writer', parent: { sessionId: key.session, runId: data[0]?.id } },
  ]);
  expect(listed.find(({ id }) => id === data[0]?.id)).toMatchObject({ childRuns: 2 });
  expect(events.find(({ type }) => type === 'tool.completed')).toMatchObject({ result: 'writer did work' });
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
});

test('a child whose run is cancelled by itself fails its call', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'writer: hold me' });
  const { aborted } = await held.call('hold me');
  const [child] = childrenOf(key, await stack.events(key));
  await stack.sender.cancelRun(child!, { runId: child!.session });
  await aborted;
  const events = await stack.ended(key);
  expect(resultOf(events)).toMatchObject({
    type: 'tool.failed',
    error: 'The run of the agent writer was cancelled.',
  });
  expect(events.at(-1)).toMatchObject({ type: 'run.completed' });
});

test('a call deeper than the limit is refused, which the model is given', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'lead: lead> deeper' });
  const first = await stack.ended(key);
  const [child] = childrenOf(key, first);
  const second = await stack.ended(child!);
  const [grandchild] = childrenOf(child!, second);
  expect(resultOf(second)).toMatchObject({ type: 'tool.completed', result: 'lead did deeper' });
  expect(await readRun(stack.db, grandchild!, grandchild!.session)).toMatchObject({ status: 'completed' });

  await stack.sender.submit(key, { content: 'lead: researcher> writer: too deep' });
  const events = await stack.ended(key, 2);
  const below = await stack.ended(childrenOf(key, events)[1]!);
  const lowest = await stack.ended(childrenOf(childrenOf(key, events)[1]!, below)[0]!);
  expect(resultOf(lowest)).toMatchObject({
    type: 'tool.failed',
    error: expect.stringContaining('the limit is 2 (limits.childDepth)'),
  });
});

test('a run has as many children at once as the limit allows, and the others wait', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'writer: hold w1 | writer: hold w2 | writer: hold w3' });
  const first = await held.call('hold w1');
  const second = await held.call('hold w2');
  expect(held.calls('hold w3')).toBe(0);
  first.answer('one');
  const third = await held.call('hold w3');
  third.answer('three');
  second.answer('two');
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: 'lead has ["one","two","three"]' });
});

test('maxParallel bounds the children of one tool', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'writer: hold p1 | writer: hold p2', agent: 'one-by-one' });
  const first = await held.call('hold p1');
  expect(held.calls('hold p2')).toBe(0);
  first.answer('one');
  const second = await held.call('hold p2');
  second.answer('two');
  expect((await stack.ended(key)).at(-1)).toMatchObject({ output: 'one-by-one has ["one","two"]' });
});

test('a task that the schema does not allow is refused, and no run is made', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'writer:  ' });
  const events = await stack.ended(key);
  expect(childrenOf(key, events)).toEqual([]);
});
