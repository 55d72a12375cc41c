import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool } from '../../../agents/define-tool.ts';
import { lastUserMessage } from '../../../testing/function-models.ts';
import { heldModel } from '../../support/models/held-model.ts';
import { startStack, type Stack } from '../../support/stack.ts';
import { testTemporal } from '../../support/temporal/temporal-server.ts';

let stack: Stack;
const begun = new Map<string, (signal: AbortSignal) => void>();

/** The signals of the tool calls under a mark, once `count` of them have begun. */
function toolsBegun(mark: string, count: number): Promise<AbortSignal[]> {
  const { promise, resolve } = Promise.withResolvers<AbortSignal[]>();
  const signals: AbortSignal[] = [];
  begun.set(mark, (signal) => {
    if (signals.push(signal) === count) resolve(signals);
  });
  return promise;
}

/** A tool that ends only when it is stopped. */
const hanging = (name: string, idempotent: boolean, timeoutMs: number) =>
  defineTool({
    name,
    description: 'Hangs.',
    parameters: z.object({ mark: z.string() }),
    idempotent,
    timeoutMs,
    execute: ({ mark }, { signal }) => {
      begun.get(mark)?.(signal);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
const tools = [hanging('quick', true, 9_000), hanging('slow', true, 60_000), hanging('once', false, 60_000)];

const held = heldModel((request) => {
  const said = lastUserMessage(request);
  if (!said.startsWith('use ')) return `echo ${said}`;
  const names = said.split(' ')[1]!.split(',');
  return {
    text: 'Let me see.',
    toolCalls: names.map((tool, n) => ({ callId: `c${n}`, tool, arguments: { mark: said }, malformed: null })),
  };
});

beforeAll(async () => {
  stack = await startStack({
    temporal: await testTemporal(),
    model: held.model,
    tools,
    agents: [{ name: 'assistant', tools: tools.map(({ name }) => name) }],
  });
});
afterAll(() => stack[Symbol.asyncDispose]());

const types = (events: Awaited<ReturnType<Stack['events']>>) => events.map(({ type }) => type);

test.each([
  ['a quick tool in place', 'quick', 1, ['tool.cancelled']],
  ['a tool in its own activity', 'slow', 1, ['tool.cancelled']],
  ['a tool that may have acted', 'once', 1, ['tool.unknown']],
  ['tools side by side', 'slow,once,slow', 3, ['tool.cancelled', 'tool.unknown', 'tool.cancelled']],
  // The quick ones go first, so the other one was never begun.
  ['a quick tool before one that acts', 'quick,once', 1, ['tool.cancelled', 'tool.cancelled']],
])('a cancel stops %s, and each open call gets its one result', async (_what, names, count, results) => {
  const key = stack.key();
  const mark = `use ${names} ${key.user}`;
  const started = toolsBegun(mark, count);
  await stack.sender.submit(key, { content: mark });
  const signals = await started;
  await stack.sender.cancel(key, {});
  const events = await stack.ended(key);
  expect(types(events).filter((type) => type.startsWith('tool.') && type !== 'tool.called')).toEqual(results);
  expect(events.at(-1)).toMatchObject({ type: 'run.cancelled' });
  expect(signals.map(({ aborted }) => aborted)).toEqual(Array(count).fill(true));

  await stack.sender.submit(key, { content: 'hold after' });
  const next = await held.call('hold after');
  expect(next.request.messages.filter(({ role }) => role === 'tool')).toHaveLength(results.length);
  next.answer();
  await stack.ended(key, 2);
});
