import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { checkSpec } from '../../../agents/check-spec.ts';
import type { AgentSpec } from '../../../contracts/agent.ts';
import type { Deployment } from '../../../contracts/deployment.ts';
import type { LiveEvent } from '../../../contracts/events/event.ts';
import { createModelDirectory } from '../../../models/directory/model-directory.ts';
import { ModelError, type ModelDirectory, type ModelReply, type ModelRequest } from '../../../models/model-client.ts';
import { readRunFacts } from '../../../store/read/read-run-facts.ts';
import { explainRun } from '../../../core/why/explain-run.ts';
import { readRun } from '../../../store/read/read-run.ts';
import { codeBlocks, read, section } from '../../docs/documents.ts';
import { startStubModelServer, type StubModelServer } from '../../support/models/stub-model-server.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let first: StubModelServer;
let second: StubModelServer;
let stack: Stack;

const retry = { maxAttempts: 2, initialIntervalMs: 1, maxIntervalMs: 5 };
const list = { model: 'first/large', fallbackModels: ['second/small'], policy: { retry } };
const agents: AgentSpec[] = [
  { name: 'assistant', ...list },
  { name: 'capped', ...list, policy: { retry, budget: { runUsd: 1 } } },
  { name: 'only-first', model: 'first/large', policy: { retry } },
  { name: 'only-second', model: 'second/small', policy: { retry } },
  { name: 'impatient', ...list, policy: { retry, whenProviderDown: 'fail' } },
];

beforeAll(async () => {
  [first, second] = await Promise.all([startStubModelServer(), startStubModelServer()]);
  const deployment: Deployment = {
    providers: {
      // The two protocols.
      first: { baseUrl: first.baseUrl, api: 'responses', circuit: { failures: 2, openMs: 3_600_000 } },
      second: { baseUrl: second.baseUrl, circuit: { failures: 2, openMs: 3_600_000 } },
    },
    prices: [
      { model: 'first/*', inputUsd: 1, outputUsd: 10 },
      { model: 'second/*', inputUsd: 100, outputUsd: 1_000 },
    ],
  };
  const env = { PERDURE_MODEL: 'scripted/echo' };
  const model = await createModelDirectory({ env, providers: deployment.providers });
  stack = await startStack({ temporal: await testTemporal(), model, agents, deployment });
});
afterEach(async () => {
  await stack.db.query(`DELETE FROM perdure.providers`);
  for (const server of [first, second]) server.behave(() => ({ status: 500, body: { error: { code: 'unscripted' } } }));
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
  await Promise.all([first.close(), second.close()]);
});

async function send(agent = 'assistant') {
  const key = stack.key();
  const live: LiveEvent[] = [];
  await stack.live.subscribe(key, (message) => {
    if (message.kind === 'live') live.push(message.event);
  });
  const { runId } = await stack.sender.submit(key, { content: 'hello', agent });
  return { key, runId: runId as string, live };
}

const USAGE = { inputTokens: 10, outputTokens: 5, cachedTokens: 0, reasoningTokens: 0 };
const QUOTA = { status: 429, body: { error: { code: 'insufficient_quota', message: 'Pay.' } } };

test('a model without quota is followed by the next within the step: the answer names it, and each try has its row and its cost', async () => {
  first.enqueue(QUOTA);
  second.enqueue({ text: 'Hello from the second', usage: USAGE });
  const { key, runId, live } = await send();
  const events = await stack.ended(key);
  expect(events.find(({ type }) => type === 'run.started')).toMatchObject({
    model: 'first/large',
    fallbackModels: ['second/small'],
  });
  expect(events.at(-2)).toMatchObject({ step: 1, attempt: 2, model: 'small', requestedModel: 'second/small' });
  expect(events.at(-1)).toMatchObject({ output: 'Hello from the second', answerModel: 'second/small', steps: 1 });
  const run = await readRun(stack.db, key, runId);
  expect(run).toMatchObject({ model: 'first/large', fallbackModels: ['second/small'], answerModel: 'second/small' });
  expect(run?.modelCalls).toMatchObject([
    {
      step: 1,
      attempt: 1,
      model: 'first/large',
      outcome: 'failed',
      errorCode: 'quota_exhausted',
      gaveUp: true,
      costUsd: 0,
    },
    { step: 1, attempt: 2, model: 'second/small', outcome: 'completed', answeredBy: 'small' },
  ]);
  expect(run?.modelCalls[1]?.costUsd).toBeGreaterThan(0);
  expect(run?.costUsd).toBe(run?.modelCalls[1]?.costUsd);
  expect(live.find(({ type }) => type === 'attempt.failed')).toMatchObject({
    attempt: 1,
    code: 'quota_exhausted',
    nextModel: 'second/small',
    retryAt: null,
  });
  const { text: metrics } = await stack.telemetry.metrics.scrape();
  expect(metrics).toContain(
    'perdure_model_fallbacks_total{agent="assistant",model="first/large",reason="quota_exhausted"} 1',
  );
  expect(metrics).toMatch(/operation_duration_seconds_count\{[^}]*request_model="small",gen_ai_response_model="small"/);
});

test('a model that fails is tried as often as the policy allows, its text is retracted, and then the next is asked', async () => {
  first.enqueue({ text: 'Half', failure: 'truncated' }, { status: 503 });
  second.enqueue({ text: 'Whole' });
  const { key, runId, live } = await send();
  const events = await stack.ended(key);
  expect(events.at(-1)).toMatchObject({ output: 'Whole', answerModel: 'second/small' });
  const run = await readRun(stack.db, key, runId);
  expect(run?.modelCalls.map(({ model, gaveUp = false }) => [model, gaveUp])).toEqual([
    ['first/large', false],
    ['first/large', true],
    ['second/small', false],
  ]);
  const texts = live.filter(({ type }) => type === 'message.delta' || type === 'step.retracted');
  expect(texts.map(({ type }) => type)).toContain('step.retracted');
  expect(texts.at(-1)).toMatchObject({ type: 'message.delta', attempt: 3 });
});

test('later steps of the run, and no later run, begin with the model that answered', async () => {
  first.enqueue(QUOTA);
  second.enqueue({ toolCalls: [{ tool: 'unknown', arguments: {} }] }, { text: 'Done' });
  const { key, runId } = await send();
  await stack.ended(key);
  const run = await readRun(stack.db, key, runId);
  expect(run?.modelCalls.map(({ step, model }) => [step, model])).toEqual([
    [1, 'first/large'],
    [1, 'second/small'],
    [2, 'second/small'],
  ]);
  first.enqueue({ text: 'Back' });
  await stack.sender.submit(key, { content: 'again', agent: 'assistant' });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ output: 'Back', answerModel: 'first/large' });
});

test('a run whose models all fail names each, and begins with the first when it is resumed', async () => {
  first.enqueue(QUOTA);
  second.enqueue({ status: 400, body: { error: { message: 'This model takes no tools.' } } });
  const { key, runId } = await send();
  const failed = (await stack.ended(key)).at(-1);
  expect(failed).toMatchObject({ type: 'run.failed', error: { code: 'invalid_request' } });
  expect(JSON.stringify(failed)).toContain(
    'Asked before, without an answer: first/large (quota_exhausted, 1 attempt).',
  );
  first.enqueue({ text: 'Paid' });
  await stack.sender.resume(key, { runId });
  expect((await stack.ended(key, 2)).at(-1)).toMatchObject({ output: 'Paid', answerModel: 'first/large' });
});

test('a model whose context window is too small is followed by the next', async () => {
  const error = { code: 'context_length_exceeded', message: "The model's maximum context length is 8 tokens." };
  first.enqueue({ status: 400, body: { error } });
  second.enqueue({ text: 'It fits' });
  const { key } = await send();
  expect((await stack.ended(key)).at(-1)).toMatchObject({ output: 'It fits', answerModel: 'second/small' });
});

test('with a budget each try reserves the worst case of its own model', async () => {
  first.enqueue(QUOTA);
  const before = second.requests.length;
  const { key, runId } = await send('capped');
  // The second model's price exceeds the run's budget, the first one's did not.
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed', error: { code: 'budget_exceeded' } });
  const run = await readRun(stack.db, key, runId);
  expect(run?.modelCalls).toMatchObject([
    { model: 'first/large', errorCode: 'quota_exhausted' },
    { model: 'second/small', errorCode: 'budget_exceeded', costUsd: 0 },
  ]);
  expect(second.requests).toHaveLength(before);
});

test('a model whose circuit is open is not asked, and with all circuits open the run waits or fails with the names of all', async () => {
  await openCircuit('first');
  const before = first.requests.length;
  second.enqueue({ text: 'Around it' });
  const around = await send();
  expect((await stack.ended(around.key)).at(-1)).toMatchObject({ output: 'Around it', answerModel: 'second/small' });
  expect(first.requests).toHaveLength(before);
  const { text: metrics } = await stack.telemetry.metrics.scrape();
  expect(metrics).toContain('perdure_model_fallbacks_total{agent="assistant",model="first/large",reason="circuit"} 1');

  await openCircuit('second');
  const refused = await send('impatient');
  const failed = (await stack.ended(refused.key)).at(-1);
  expect(failed).toMatchObject({ type: 'run.failed', error: { code: 'model_unavailable' } });
  expect(JSON.stringify(failed)).toMatch(/the provider first is open.*the provider second is open/);

  const waiting = await send();
  await expect
    .poll(() => stack.db.query(`SELECT provider FROM perdure.waits WHERE run_id = $1`, [waiting.runId]))
    .toEqual([{ provider: 'first' }]);
  await stack.sender.cancel(waiting.key, {});
  expect((await stack.ended(waiting.key)).at(-1)).toMatchObject({ type: 'run.cancelled' });
});

test('`why` shows which models gave no answer, and which one did', async () => {
  first.enqueue({ status: 500 }, QUOTA);
  second.enqueue({ text: 'Here' });
  const { key, runId } = await send();
  await stack.ended(key);
  const facts = await readRunFacts(stack.db, key, runId);
  const why = explainRun(facts as NonNullable<typeof facts>);
  expect(why.summary.models).toBe('second/small answered; first/large gave no answer (server_error, quota_exhausted).');
  expect(why.spans.flatMap(({ kind, label }) => (kind === 'model' ? [label] : []))).toEqual([
    'step 1, first/large',
    'step 1, attempt 2, first/large',
    'step 1, attempt 3, second/small',
  ]);
});

test('the agent in docs/models.md asks the second of its models when the first has no quota', async () => {
  const [yaml = ''] = codeBlocks(section(read('docs/models.md'), 'More than one model')).map(({ code }) => code);
  const { spec } = checkSpec(parse(yaml));
  const asked: string[] = [];
  const generate = (provider: string, { model }: ModelRequest): Promise<ModelReply> => {
    asked.push(`${provider}/${model}`);
    if (provider === 'openai') throw new ModelError('quota_exhausted', 'No quota.', { retryable: false });
    return Promise.resolve({ text: 'Hi', reasoning: '', toolCalls: [], finish: 'stop', usage: null, model });
  };
  const models: ModelDirectory = {
    defaultModel: 'openai/none',
    resolve: (name) => {
      const [provider = '', model = ''] = name.split('/');
      return { client: { provider, generate: (request) => generate(provider, request) }, model };
    },
  };
  await using documented = await startStack({
    temporal: await testTemporal(),
    model: models,
    agents: spec ? [spec] : [],
  });
  const key = documented.key();
  await documented.sender.submit(key, { content: 'hello', agent: 'support' });
  expect((await documented.ended(key)).at(-1)).toMatchObject({ output: 'Hi', answerModel: 'azure/gpt-4o' });
  expect(asked).toEqual(['openai/gpt-5.4-mini', 'azure/gpt-4o']);
});

/** Opens a provider's circuit by two failures. */
async function openCircuit(provider: 'first' | 'second'): Promise<void> {
  const server = provider === 'first' ? first : second;
  server.enqueue({ status: 503 }, { status: 503 });
  const { key } = await send(`only-${provider}`);
  expect((await stack.ended(key)).at(-1)).toMatchObject({ type: 'run.failed' });
}
