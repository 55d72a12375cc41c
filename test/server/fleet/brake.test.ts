import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { createGatewayClient, type GatewayClient } from '../../../client/http/gateway-client.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { serveGateway, type ServedGateway } from '../../../gateway/serve-gateway.ts';
import { codeBlocks, read } from '../../docs/documents.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const lookedUp: string[] = [];
const look = defineTool({
  name: 'look',
  description: 'Looks something up.',
  parameters: z.object({ what: z.string() }),
  idempotent: true,
  async execute({ what }) {
    lookedUp.push(what);
    return `found ${what}`;
  },
});
const agents = [
  { name: 'assistant', tools: ['look'] },
  { name: 'other', tools: ['look'] },
];

/** Resolved when the model may answer a message `hold`. */
let hold = Promise.withResolvers<void>();
let stack: Stack;
let gateway: ServedGateway;
let ops: GatewayClient;

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    agents,
    tools: [look],
    async model({ messages }) {
      const last = messages.at(-1);
      if (last?.role === 'tool') return `told ${last.content}`;
      const said = String(last?.content);
      if (said === 'hold') await hold.promise;
      if (!said.startsWith('look') && said !== 'hold') return `echo ${said}`;
      return { toolCalls: [{ callId: 'c', tool: 'look', arguments: { what: said }, malformed: null }] };
    },
  });
  const { db, live, sender } = stack;
  gateway = await serveGateway({
    gateway: createGateway({ db, live, sender, agents: registry(agents, [look]) }),
    port: 0,
  });
  ops = clientOf('ops');
});
afterEach(async () => {
  hold.resolve();
  for (const { id } of (await ops.pauses()).data) await ops.removePause(id);
});
afterAll(async () => {
  await gateway.close();
  await stack[Symbol.asyncDispose]();
});

function clientOf(user: string): GatewayClient {
  return createGatewayClient({ url: gateway.url, user });
}

test('a new run of a paused agent waits without an activity, shows it, and is answered after the pause', async () => {
  await ops.setPause('agent:assistant', { reason: 'Wrong prices.' });
  const key = stack.key('waits');
  const client = clientOf(key.user);
  await client.send(key.session, { content: 'hello' });
  const waits = 'an operator, who has paused the agent "assistant" (Wrong prices.)';
  expect((await client.snapshot(key.session)).waitingFor).toMatchObject({ what: 'paused', who: waits });
  expect((await client.whySession(key.session)).text).toContain(`waits for ${waits}`);
  for await (const event of client.stream(key.session)) {
    if (event.type !== 'run.waiting') continue;
    expect(event.waitingFor).toMatchObject({ what: 'paused', who: waits });
    break;
  }
  // The runs of other agents are answered meanwhile.
  const free = stack.key('free');
  await clientOf(free.user).send(free.session, { content: 'hello', agent: 'other' });
  expect((await stack.ended(free)).at(-1)).toMatchObject({ type: 'run.completed', output: 'echo hello' });
  const description = await stack.client.workflow.getHandle(`${key.user}:${key.session}`).describe();
  const [activity] = description.raw.pendingActivities ?? [];
  expect(activity).toMatchObject({
    activityType: { name: 'advanceRun' },
    lastFailure: { message: expect.stringContaining('An operator has paused the agent "assistant"') },
  });
  expect(JSON.stringify(activity)).not.toContain('Wrong prices');
  expect((await stack.events(key)).map(({ type }) => type)).not.toContain('run.started');
  await ops.removePause('agent:assistant');
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'echo hello' });
});

test('messages are refused with the reason while a pause refuses; a repeated message gets its receipt', async () => {
  const key = stack.key('refused');
  const client = clientOf(key.user);
  const receipt = await client.send(key.session, { id: 'm1', content: 'hello' });
  await stack.ended(key);
  await ops.setPause(`user:${key.user}`, { refuse: true, reason: 'Abuse' });
  await expect(client.send(key.session, { id: 'm2', content: 'again' })).rejects.toMatchObject({
    code: 'paused',
    retryAfterMs: 30_000,
    message: expect.stringMatching(/^An operator has paused the user ".*" since .*: Abuse\. Send the message again/),
  });
  expect(await client.send(key.session, { id: 'm1', content: 'hello' })).toMatchObject({ runId: receipt.runId });
  await ops.removePause(`user:${key.user}`);
  await client.send(key.session, { id: 'm2', content: 'again' });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ output: 'echo again' });
});

/** A session whose run has begun before everything is paused. */
async function begunBefore(name: string, stop: boolean) {
  hold = Promise.withResolvers();
  const key = stack.key(name);
  const client = clientOf(key.user);
  await client.send(key.session, { content: 'hold' });
  await stack.until(key, (events) => events.some(({ type }) => type === 'run.started'));
  await ops.setPause('all', { stop });
  hold.resolve();
  return { key, client };
}

test('a run that has begun finishes', async () => {
  const { key } = await begunBefore('finishes', false);
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'told found hold' });
});

test('a run that is to stop waits before its next model call, and goes on with the results that it has', async () => {
  const before = lookedUp.length;
  const { key, client } = await begunBefore('stops', true);
  await stack.until(key, (events) => events.some(({ type }) => type === 'tool.completed'));
  await expect.poll(async () => (await client.snapshot(key.session)).waitingFor.what).toBe('paused');
  await ops.removePause('all');
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.completed', output: 'told found hold' });
  expect(lookedUp.slice(before)).toEqual(['hold']);
});

test('calls of a paused tool wait in an activity of their own, or fail with an error that the model sees', async () => {
  await ops.setPause('tool:look');
  const key = stack.key('tool');
  const client = clientOf(key.user);
  await client.send(key.session, { content: 'look here' });
  await expect
    .poll(async () => (await client.snapshot(key.session)).waitingFor)
    .toMatchObject({
      what: 'paused',
      who: 'an operator, who has paused the tool "look"',
    });
  expect(lookedUp).not.toContain('look here');
  await ops.removePause('tool:look');
  expect((await stack.ended(key)).at(-1)).toMatchObject({ output: 'told found look here' });
  await ops.setPause('tool:look', { refuse: true, reason: 'Maintenance.' });
  await client.send(key.session, { content: 'look there' });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({
    output: expect.stringMatching(/^told Error: An operator has paused the tool "look" since .*: Maintenance\.$/),
  });
  expect(lookedUp).not.toContain('look there');
});

test('runs wait for a paused provider, or fail', async () => {
  await ops.setPause('provider:function');
  const key = stack.key('provider');
  const client = clientOf(key.user);
  await client.send(key.session, { content: 'hello' });
  await expect
    .poll(async () => (await client.snapshot(key.session)).waitingFor.who)
    .toBe('an operator, who has paused the provider "function"');
  await ops.setPause('provider:function', { refuse: true });
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'model_unavailable' } });
});

test('the commands of docs/fleet.md pause an agent, show it and end the pause', async () => {
  const { code } = codeBlocks(read('docs/fleet.md')).find((block) => block.code.startsWith('perdure pause ')) ?? {
    code: '',
  };
  const [pause = '', pauses = '', unpause = ''] = code.trim().split('\n');
  const env = { PERDURE_URL: gateway.url };
  const run = async (line: string) => {
    const args = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '');
    return await runCli(args.slice(1), env);
  };
  expect(await run(pause)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Paused the agent "assistant": new runs wait, running ones finish.'),
  });
  expect((await run(pauses)).stdout).toMatch(/agent:assistant +new runs wait, running ones finish .* Wrong prices\./);
  expect(await run(unpause)).toMatchObject({ code: 0 });
  expect((await run(pauses)).stdout).toContain('Nothing is paused.');
  expect(await run('perdure unpause --all')).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('There is no pause "all".'),
  });
  expect(await run('perdure pause --all --of bob')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('exactly one of'),
  });
});
