import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { ModelError } from '../../../models/model-client.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
let failures = 0;

const dice = defineTool({
  name: 'dice',
  description: 'Throws dice.',
  parameters: z.object({}),
  idempotent: true,
  timeoutMs: 5_000,
  execute: () => 4,
});

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    tools: [dice],
    agents: [{ name: 'tutor', tools: ['dice'], policy: { retry: { initialIntervalMs: 1, maxIntervalMs: 5 } } }],
    model: ({ messages }) => {
      if (failures > 0) {
        failures -= 1;
        throw new ModelError('rate_limited', 'Slow down.', { retryable: true });
      }
      if (messages.at(-1)?.role === 'tool') return 'You threw four.';
      return { toolCalls: [{ callId: 'c1', tool: 'dice', arguments: {}, malformed: null }] };
    },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

/** The value of a metric whose line begins so. */
async function valueOf(line: string): Promise<number> {
  const { text } = await stack.telemetry.metrics.scrape();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return Number(found?.slice(line.length) ?? 0);
}

test('a turn is told in metrics: message, run, wait, tokens, model calls and tools', async () => {
  const key = stack.key();
  const message = { id: 'm1', content: 'Throw.' };
  await stack.sender.submit(key, message);
  await stack.ended(key);
  await stack.sender.submit(key, message);

  const call =
    'gen_ai_operation_name="chat",gen_ai_provider_name="function",gen_ai_request_model="test",gen_ai_response_model="test"';
  expect(await valueOf('perdure_messages_total{agent="tutor",outcome="started"}')).toBe(1);
  expect(await valueOf('perdure_messages_total{agent="tutor",outcome="duplicate"}')).toBe(1);
  expect(await valueOf('perdure_runs_total{agent="tutor",outcome="completed"}')).toBe(1);
  expect(await valueOf('perdure_run_duration_seconds_count{agent="tutor",outcome="completed"}')).toBe(1);
  expect(await valueOf('perdure_run_queue_wait_seconds_count{agent="tutor"}')).toBe(1);
  expect(await valueOf('perdure_tokens_total{agent="tutor",type="input"}')).toBe(20);
  expect(await valueOf('perdure_tool_calls_total{tool="dice",outcome="completed"}')).toBe(1);
  expect(await valueOf('gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name="dice",error_type=""}')).toBe(1);
  expect(await valueOf(`gen_ai_client_operation_duration_seconds_count{${call},error_type=""}`)).toBe(2);
  expect(await valueOf(`gen_ai_client_token_usage_sum{${call},gen_ai_token_type="output"}`)).toBe(10);
});

test('model calls that fail are errors by type, and what follows them are retries', async () => {
  const key = stack.key();
  failures = 2;
  await stack.sender.submit(key, { content: 'Throw again.' });
  await stack.ended(key);

  expect(await valueOf('perdure_errors_total{agent="tutor",source="model",type="rate_limited"}')).toBe(2);
  expect(await valueOf('perdure_retries_total{source="model"}')).toBe(2);
});

test('a refused message is counted with the code of its refusal', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { id: 'm1', content: 'Throw.' });
  await stack.ended(key);
  await expect(stack.sender.submit(key, { id: 'm1', content: 'Another body.' })).rejects.toThrow('another body');

  expect(await valueOf('perdure_messages_total{agent="tutor",outcome="idempotency_conflict"}')).toBe(1);
  expect(await valueOf('perdure_errors_total{agent="tutor",source="message",type="idempotency_conflict"}')).toBe(1);
});
