import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;

const double = defineTool({
  name: 'double',
  description: 'Doubles a number.',
  parameters: z.object({ x: z.number() }),
  idempotent: true,
  timeoutMs: 1_000,
  execute: ({ x }) => x * 2,
});

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    tools: [double],
    agents: [{ name: 'assistant', tools: ['double'] }],
    model: (request) => {
      const said = lastUserMessage(request);
      const last = request.messages.at(-1);
      if (said.startsWith('double') && last?.role === 'user') {
        return {
          toolCalls: [{ callId: 'c1', tool: 'double', arguments: { x: Number(said.slice(7)) }, malformed: null }],
        };
      }
      return last?.role === 'tool' ? `It is ${last.content}.` : `You said: ${said}`;
    },
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

test('a message is answered', async () => {
  const key = stack.key();
  const receipt = await stack.sender.submit(key, { content: 'hello' });
  expect(receipt).toMatchObject({ disposition: 'started', position: 0 });
  const events = await stack.ended(key);
  expect(events.map(({ type }) => type)).toEqual([
    'session.opened',
    'message.received',
    'run.started',
    'message.completed',
    'run.completed',
  ]);
  expect(events.at(-1)).toMatchObject({ output: 'You said: hello', runId: receipt.runId });
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
});

test('a quick tool runs in place and its result is told to the model', async () => {
  const key = stack.key();
  await stack.sender.submit(key, { content: 'double 21' });
  const events = await stack.ended(key);
  expect(events.map(({ type }) => type).slice(3)).toEqual([
    'message.completed',
    'tool.called',
    'tool.completed',
    'message.completed',
    'run.completed',
  ]);
  expect(events.at(-1)).toMatchObject({ output: 'It is 42.' });
});
