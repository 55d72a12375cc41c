import { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { createTemporalSender } from '../../../client/temporal/temporal-sender.ts';
import { TRACE_HEADER } from '../../../contracts/names.ts';
import { workflowIdOf, type SessionKey } from '../../../contracts/session/session-key.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { ModelError } from '../../../models/model-client.ts';
import { createMetrics } from '../../../telemetry/metrics.ts';
import { clientTracing } from '../../../telemetry/temporal-client-tracing.ts';
import { createTelemetry } from '../../../telemetry/telemetry.ts';
import { PAYLOAD_CONVERTER } from '../../../worker/tuning.ts';
import { workflowCode } from '../../../worker/workflow-bundle.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { startOtlpReceiver, type ReceivedSpan } from '../../support/otlp-receiver.ts';
import { historyOf } from '../../support/temporal/raw-temporal.ts';
import { registry, startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

const parameters = z.object({});
const quick = defineTool({
  name: 'quick',
  description: 'Runs in place.',
  parameters,
  idempotent: true,
  timeoutMs: 5_000,
  execute: () => 1,
});
const apart = defineTool({ name: 'apart', description: 'Runs apart.', parameters, timeoutMs: 5_000, execute: () => 2 });
const AGENTS = [
  { name: 'tutor', tools: ['quick', 'apart'], policy: { retry: { initialIntervalMs: 1, maxIntervalMs: 2 } } },
];

/** A gateway and a worker whose spans go to a receiver. */
async function traced() {
  const receiver = await startOtlpReceiver();
  const { tracing } = receiver;
  const telemetry = createTelemetry({ tracing, metrics: createMetrics({ traceId: tracing.traceId }) });
  let failures = 0;
  const stack = await startStack({
    temporal: await testTemporal(),
    telemetry,
    tools: [quick, apart],
    agents: AGENTS,
    model: (request) => {
      const { messages } = request;
      if (lastUserMessage(request) === 'fail once' && failures++ === 0) {
        throw new ModelError('rate_limited', 'Slow down.', { retryable: true });
      }
      if (lastUserMessage(request) !== 'use tools' || messages.at(-1)?.role === 'tool') return 'Done.';
      const call = { arguments: {}, malformed: null };
      return {
        toolCalls: [
          { callId: 'c1', tool: 'quick', ...call },
          { callId: 'c2', tool: 'apart', ...call },
        ],
      };
    },
  });
  const { db, live, taskQueue } = stack;
  const client = new Client({
    connection: stack.client.connection,
    interceptors: { workflow: [clientTracing(tracing)] },
  });
  const sender = createTemporalSender({ client, taskQueue, ackTimeoutMs: 10_000 });
  const gateway = createGateway({ db, live, sender, agents: registry(AGENTS, [quick, apart]), telemetry });
  onTestFinished(async () => {
    await gateway.close();
    await stack[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });
  const key = stack.key('trip');
  return {
    stack,
    receiver,
    telemetry,
    sender,
    key,
    post: async (content: string, headers: Record<string, string> = {}) =>
      gateway.app.request('http://127.0.0.1/v1/sessions/trip/messages', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'perdure-user': key.user, prefer: 'wait=30', ...headers },
        body: JSON.stringify({ content }),
      }),
  };
}

async function replayed({ client }: Stack, key: SessionKey): Promise<void> {
  const history = await client.workflow.getHandle(workflowIdOf(key)).fetchHistory();
  const options = { workflowBundle: await workflowCode(), dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER } };
  await Worker.runReplayHistory(options, history, workflowIdOf(key));
}

/** Each span under its parent: `parent > name`. */
function tree(spans: readonly ReceivedSpan[]): string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return spans.map(({ name, parentSpanId }) => `${names.get(parentSpanId ?? '') ?? parentSpanId} > ${name}`).toSorted();
}

test('one trace goes from the caller through HTTP and the workflow to model calls and tools', async () => {
  const { post, receiver, telemetry, key, stack } = await traced();
  expect((await post('use tools', { traceparent: `00-${TRACE}-${CALLER}-01` })).status).toBe(200);

  const spans = await receiver.spans();
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  const request = 'POST /v1/sessions/{id}/messages';
  expect(tree(spans)).toEqual(
    [
      `${CALLER} > ${request}`,
      `${request} > admitMessages`,
      `${request} > invoke_agent tutor`,
      `${request} > invoke_agent tutor`,
      `${request} > runTool`,
      'invoke_agent tutor > chat test',
      'invoke_agent tutor > chat test',
      'invoke_agent tutor > execute_tool quick',
      'runTool > execute_tool apart',
    ].toSorted(),
  );
  expect(spans.find(({ name }) => name === 'chat test')?.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'function',
    'gen_ai.request.model': 'test',
  });
  expect(spans.find(({ name }) => name.startsWith('invoke_agent'))?.attributes).toMatchObject({
    'gen_ai.conversation.id': 'trip',
    'gen_ai.agent.name': 'tutor',
    'perdure.run.id': expect.any(String),
  });
  expect(receiver.text()).not.toContain(key.user);
  await expect(replayed(stack, key)).resolves.toBeUndefined();
  const { text } = await telemetry.metrics.scrape('application/openmetrics-text');
  expect(text).toMatch(
    new RegExp(`^gen_ai_client_operation_duration_seconds_bucket.*# \\{trace_id="${TRACE}"\\}`, 'm'),
  );
});

test('a call that fails ends its span with the reason, and without words', async () => {
  const { post, receiver } = await traced();
  await post('fail once');

  const spans = await receiver.spans();
  const calls = spans.filter(({ name }) => name === 'chat test');
  expect(calls.map(({ failed, attributes }) => [failed, attributes['error.type']])).toEqual([
    [true, 'rate_limited'],
    [false, undefined],
  ]);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(receiver.text()).not.toContain('Slow down');
});

test('a message that the activity of an earlier one executes has a trace of its own', async () => {
  const { post, receiver } = await traced();
  await post('one');
  await post('two');

  const spans = await receiver.spans();
  const request = 'POST /v1/sessions/{id}/messages';
  const traces = (of: string) => spans.filter(({ name }) => name === of).map(({ traceId }) => traceId);
  expect(new Set(traces(request)).size).toBe(2);
  expect(traces('invoke_agent tutor')).toEqual(traces(request));
  expect(tree(spans).filter((line) => line.endsWith('invoke_agent tutor'))).toEqual([
    `${request} > invoke_agent tutor`,
    `${request} > invoke_agent tutor`,
  ]);
});

test('a message that came by signal takes its trace along, and each message has its own', async () => {
  const { sender, stack, receiver, key, telemetry } = await traced();
  for (const content of ['one', 'two']) {
    await telemetry.tracing.span(`send ${content}`, { kind: 'client' }, () => sender.signal(key, { content }));
  }
  await stack.ended(key, 2);

  const spans = await receiver.spans();
  const traceOf = (name: string) => spans.find((span) => span.name === name)?.traceId;
  const runs = spans.filter(({ name }) => name === 'invoke_agent tutor');
  expect(runs.map(({ traceId }) => traceId)).toEqual([traceOf('send one'), traceOf('send two')]);
});

test('a header that is no trace is dropped, and is not handed on', async () => {
  const { stack, key } = await traced();
  const junk = {
    metadata: { encoding: new TextEncoder().encode('json/plain') },
    data: new TextEncoder().encode('{"x'),
  };
  const stranger = new Client({
    connection: stack.client.connection,
    interceptors: {
      workflow: [
        { signalWithStart: (input, next) => next({ ...input, headers: { ...input.headers, [TRACE_HEADER]: junk } }) },
      ],
    },
  });
  await createTemporalSender({ client: stranger, taskQueue: stack.taskQueue }).signal(key, { content: 'hello' });

  expect((await stack.ended(key)).at(-1)?.type).toBe('run.completed');
  const history = await historyOf(stack.client, workflowIdOf(key));
  const scheduled = history.flatMap(
    ({ activityTaskScheduledEventAttributes }) => activityTaskScheduledEventAttributes ?? [],
  );
  expect(scheduled.map(({ header }) => Object.keys(header?.fields ?? {}))).toEqual([[]]);
});
