import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { workflowIdOf } from '../../../contracts/session/session-key.ts';
import type { ModelRequest } from '../../../models/model-client.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import { beginStep } from '../../../store/steps/begin-step.ts';
import { commitStep } from '../../../store/steps/commit-step.ts';
import { readRun } from '../../../store/read/read-run.ts';
import type { FunctionModel } from '../../../testing/function-models.ts';
import { PARIS, SCHEMA, VALID } from '../../support/models/city-answer.ts';
import { startStubModelServer } from '../../support/models/stub-model-server.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const AGENTS: readonly AgentSpec[] = [
  { name: 'assistant', tools: ['look_up'] },
  { name: 'cities', output: { schema: SCHEMA }, tools: ['look_up'] },
  { name: 'brief', output: { schema: SCHEMA }, policy: { maxSteps: 2 } },
];
const lookUp = defineTool({
  name: 'look_up',
  description: 'Looks a city up.',
  parameters: z.object({ city: z.string() }),
  idempotent: true,
  execute: () => 'It has 2.1 million people.',
});

/** The replies to each first message, in order. A function is awaited before its reply. */
const scripts = new Map<string, (Awaited<ReturnType<FunctionModel>> | (() => ReturnType<FunctionModel>))[]>();
const requests: ModelRequest[] = [];
const model: FunctionModel = async (request) => {
  requests.push(request);
  const first = request.messages.find(({ role }) => role === 'user')?.content ?? '';
  const reply = scripts.get(first)?.shift();
  if (reply === undefined) throw new Error('No reply is left.');
  return typeof reply === 'function' ? await reply() : reply;
};

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ temporal: await testTemporal(), model, agents: AGENTS, tools: [lookUp] });
});
afterAll(() => stack[Symbol.asyncDispose]());

type Known<Type extends PerdureEvent['type']> = Extract<PerdureEvent, { type: Type }>;
function only<Type extends PerdureEvent['type']>(events: readonly PerdureEvent[], type: Type): Known<Type>[] {
  return events.filter((event): event is Known<Type> => event.type === type);
}
const repairsIn = (events: readonly PerdureEvent[]) =>
  only(events, 'message.completed').map(({ rejected }) => (rejected ? rejected.repair : 'valid'));
const of = (content: string) =>
  requests.filter(({ messages }) => messages.find(({ role }) => role === 'user')?.content === content);

test.each([
  ['Chat Completions', createOpenAIChatClient, (body: Record<string, unknown>) => body['response_format']],
  ['Responses', createOpenAIResponsesClient, (body: Record<string, unknown>) => body['text']],
] as const)('through %s, the provider gets the schema, and a wrong answer is repaired', async (_, create, formatOf) => {
  const stub = await startStubModelServer();
  onTestFinished(() => stub.close());
  stub.enqueue({ text: '{"city":"Paris"}' }, { text: VALID });
  const client = create({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: null });
  const models = { defaultModel: 'stub/stub-model', resolve: () => ({ client, model: 'stub-model' }) };
  await using own = await startStack({ temporal: await testTemporal(), model: models, agents: AGENTS });
  const key = own.key();
  await own.sender.submit(key, { content: 'How big is Paris?', agent: 'cities' });
  const events = await own.ended(key);

  expect(repairsIn(events)).toEqual([1, 'valid']);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', output: VALID, object: PARIS, steps: 2 });
  const [first, second] = stub.requests.map(({ body }) => body) as [Record<string, unknown>, Record<string, unknown>];
  const closed = { ...SCHEMA, additionalProperties: false };
  expect(JSON.stringify(formatOf(first))).toContain(JSON.stringify(closed));
  const [wrong] = only(events, 'message.completed');
  expect(wrong?.rejected?.feedback).toContain('"population"');
  expect(JSON.stringify(first)).not.toContain('does not match');
  expect(JSON.stringify(second)).toContain(JSON.stringify(wrong?.rejected?.feedback));
  expect(formatOf(second)).toEqual(formatOf(first));
});

test('a server that refuses the format gets the schema in the instructions', async () => {
  const stub = await startStubModelServer();
  onTestFinished(() => stub.close());
  stub.behave((body) =>
    body['response_format'] === undefined
      ? { text: VALID }
      : {
          status: 400,
          body: { error: { message: "Unsupported parameter: 'response_format'", param: 'response_format' } },
        },
  );
  const client = createOpenAIChatClient({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: null });
  const models = { defaultModel: 'stub/stub-model', resolve: () => ({ client, model: 'stub-model' }) };
  await using own = await startStack({ temporal: await testTemporal(), model: models, agents: AGENTS });
  const key = own.key();
  await own.sender.submit(key, { content: 'one', agent: 'cities' });
  await own.ended(key);
  await own.sender.submit(key, { content: 'two' });
  const events = await own.ended(key, 2);

  expect(only(events, 'run.completed').map(({ object }) => object)).toEqual([PARIS, PARIS]);
  expect(stub.requests.map(({ body }) => body['response_format'] === undefined)).toEqual([false, true, true]);
  expect(JSON.stringify(stub.requests[1]?.body['messages'])).toContain('JSON Schema');
});

test('after two repairs the run fails as invalid_output, with the last text kept, and the session goes on', async () => {
  scripts.set('wrong', ['no JSON', '{"city":1}', 'still none', 'a text']);
  const counted = async (outcome: string): Promise<number> => {
    const { text } = await stack.telemetry.metrics.scrape();
    const sample = new RegExp(`^perdure_answers_rejected_total{.*outcome="${outcome}"} (\\d+)$`, 'm').exec(text);
    return Number(sample?.[1] ?? 0);
  };
  const before = [await counted('repaired'), await counted('failed')] as const;
  const key = stack.key();
  await stack.sender.submit(key, { id: 'm', content: 'wrong', output: { schema: SCHEMA } });
  const events = await stack.ended(key);

  expect(repairsIn(events)).toEqual([1, 2, null]);
  expect(only(events, 'message.completed').at(-1)).toMatchObject({ text: 'still none', partial: false });
  expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'invalid_output' }, steps: 3 });
  expect(JSON.stringify(events.at(-1))).not.toContain('still none');
  expect([await counted('repaired'), await counted('failed')]).toEqual([before[0] + 2, before[1] + 1]);
  await stack.sender.submit(key, { content: 'and now a text' });
  const [, second] = only(await stack.ended(key, 2), 'run.started');
  expect(await readRun(stack.db, key, second?.runId ?? '')).toMatchObject({ status: 'completed', output: 'a text' });
  // What was wrong with the last answer is of no use to another run.
  expect(of('wrong').at(-1)?.messages.at(-1)).toEqual({ role: 'user', content: 'and now a text' });
  expect(of('wrong').at(-1)?.outputSchema).toBeUndefined();
});

test('a failed run that is resumed is shown what was wrong, and has its repairs anew', async () => {
  scripts.set('resumed', ['a', 'b', 'c', 'd', 'e', VALID]);
  const key = stack.key();
  const { runId } = await stack.sender.submit(key, { content: 'resumed', agent: 'cities' });
  await stack.ended(key);
  await stack.sender.resume(key, { runId: runId as string });
  const events = await stack.ended(key, 2);

  expect(repairsIn(events)).toEqual([1, 2, null, 1, 2, 'valid']);
  expect(of('resumed')[3]?.messages.at(-1)?.content).toContain('does not match');
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', object: PARIS });
});

test('only the final answer of a run with tool calls is checked, and a repair is one of its steps', async () => {
  const toolCalls = [{ callId: 'c1', tool: 'look_up', arguments: { city: 'Paris' }, malformed: null }];
  scripts.set('with a tool', [{ text: 'I look it up.', toolCalls }, 'Paris is big.', VALID]);
  const key = stack.key();
  await stack.sender.submit(key, { content: 'with a tool', agent: 'cities' });
  const events = await stack.ended(key);

  expect(repairsIn(events)).toEqual(['valid', 1, 'valid']);
  expect(only(events, 'tool.completed')).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', object: PARIS, steps: 3, usage: { inputTokens: 30 } });
});

test('a repair counts in maxSteps', async () => {
  scripts.set('brief', ['a', 'b', VALID]);
  const key = stack.key();
  await stack.sender.submit(key, { content: 'brief', agent: 'brief' });
  const events = await stack.ended(key);

  expect(repairsIn(events)).toEqual([1, 2]);
  expect(events.at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'step_limit' } });
});

test("a message's schema precedes the agent's, is part of what its id stands for, and is stored with it", async () => {
  const schema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] };
  scripts.set('own schema', ['{"ok":true}']);
  const key = stack.key();
  const message = { id: 'm', content: 'own schema', agent: 'cities', output: { schema } };
  const receipt = await stack.sender.submit(key, message);
  const events = await stack.ended(key);

  expect(events.at(-1)).toMatchObject({ object: { ok: true } });
  expect(only(events, 'message.received')[0]?.output).toEqual({ schema });
  const reordered = { required: ['ok'], properties: { ok: { type: 'boolean' } }, type: 'object' };
  expect(await stack.sender.submit(key, { ...message, output: { schema: reordered } })).toMatchObject({
    runId: receipt.runId,
  });
  await expect(stack.sender.submit(key, { ...message, output: { schema: SCHEMA } })).rejects.toMatchObject({
    code: 'idempotency_conflict',
  });
});

test('a message that joins a run in repair is answered by the same schema, and must not have its own', async () => {
  const key = stack.key();
  scripts.set('steered', [
    'no JSON',
    async () => {
      const joining = { content: 'in French', whileRunning: 'steer' } as const;
      await expect(stack.sender.submit(key, { ...joining, output: { schema: SCHEMA } })).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringContaining('"enqueue"') as string,
      });
      expect(await stack.sender.submit(key, joining)).toMatchObject({ disposition: 'steered' });
      return VALID;
    },
    'again no JSON',
    VALID,
  ]);
  await stack.sender.submit(key, { content: 'steered', output: { schema: SCHEMA } });
  const events = await stack.ended(key);

  expect(repairsIn(events)).toEqual([1, 'valid', 2, 'valid']);
  expect(events.at(-1)).toMatchObject({ type: 'run.completed', object: PARIS, steps: 4 });
});

test('a raw Temporal client asks for a structured answer, and is refused a schema that is none', async () => {
  scripts.set('raw', [VALID]);
  const key = stack.key();
  const handle = stack.client.workflow.getHandle(workflowIdOf(key));
  await stack.sender.open(key, {});
  const submit = (schema: unknown) =>
    handle.executeUpdate<unknown, [object]>('submitMessage', { args: [{ content: 'raw', output: { schema } }] });
  await submit(SCHEMA);
  expect((await stack.ended(key)).at(-1)).toMatchObject({ object: PARIS });
  await expect(submit({ type: 'array' })).rejects.toMatchObject({
    cause: { type: 'invalid_request', message: expect.stringContaining('output.schema.type') as string },
  });
});

test('a run whose worker was lost after its last wrong answer ends without another model call', async () => {
  await using own = await startStack({ temporal: await testTemporal(), model, agents: AGENTS });
  const key = own.key();
  scripts.set('lost', ['a', 'b']);
  const runId = (await own.sender.submit(key, { content: 'lost', agent: 'cities' })).runId as string;
  await own.until(key, (events) => repairsIn(events).length === 2);
  await own.stopWorker();
  // The third reply is committed as by a worker that is then lost.
  const position = await beginStep(own.db, key, { runId, pin: () => ({ hash: '', model: '' }) });
  if (position.kind !== 'model') throw new Error(`The position is ${position.kind}.`);
  const { step, attempt, throughSeq } = position;
  const rejected = { feedback: 'wrong', repair: null };
  const reply = { text: 'c', reasoning: '', finish: 'stop', usage: null, model: 'm', rejected } as const;
  const commit = { runId, step, attempt, throughSeq, reply, toolCalls: [], firstTokenMs: null, durationMs: 1 };
  await commitStep(own.db, key, { ...commit, completes: false });
  const before = of('lost').length;
  await own.startWorker();

  expect((await own.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'invalid_output' } });
  expect(of('lost')).toHaveLength(before);
});
