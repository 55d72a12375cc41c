import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { findContinuation } from '../../../core/conversation/find-continuation.ts';

const call = { model: 'stub/one', attempt: 1 };
const kept = (id: string, model = 'stub/one') => ({ model, kind: 'conversation', id }) as const;

let seq = 0;
const event = (fields: object) => ({ seq: ++seq, at: '', sessionId: 's', ...fields }) as unknown as PerdureEvent;
const message = (runId: string) => event({ type: 'message.received', runId, content: 'Hello' });
const reply = (runId: string, step: number, more: object = {}) =>
  event({ type: 'message.completed', runId, step, text: 'Hi', partial: false, usage: null, ...more });
const result = (runId: string, step: number) => event({ type: 'tool.completed', runId, step });

function uncertain(runs: PerdureEvent[][], attempt = 1): boolean {
  const found = findContinuation(runs, { ...call, attempt });
  return found.kind === 'continues' && found.uncertain;
}

test('a conversation begins where no reply precedes', () => {
  expect(findContinuation([], call)).toEqual({ kind: 'begins', rebuilt: null });
  expect(findContinuation([[message('a')], [message('b')]], call)).toEqual({ kind: 'begins', rebuilt: null });
  expect(findContinuation([[message('a'), reply('a', 1, { partial: true })], [message('b')]], call)).toEqual({
    kind: 'begins',
    rebuilt: null,
  });
});

test('it goes on after the newest reply that the provider of the model keeps', () => {
  const a = [message('a'), reply('a', 1, { providerConversation: kept('1') }), result('a', 1)];
  a.push(reply('a', 2, { providerConversation: kept('2') }));
  const other = [message('b'), reply('b', 1, { providerConversation: kept('3', 'other/two') })];
  expect(findContinuation([a, [message('c')]], call)).toMatchObject({
    kind: 'continues',
    after: { runId: 'a', step: 2 },
    conversation: kept('2'),
    uncertain: false,
  });
  expect(findContinuation([a, other, [message('c')]], call)).toMatchObject({ after: { runId: 'a', step: 2 } });
  expect(findContinuation([other, [message('c')]], call)).toEqual({ kind: 'begins', rebuilt: 'other_model' });
  expect(findContinuation([[message('a'), reply('a', 1)], [message('c')]], call)).toEqual({
    kind: 'begins',
    rebuilt: 'not_kept',
  });
});

test('it is uncertain what the provider has, after a further attempt, another run or a reply that it did not keep', () => {
  const a = [message('a'), reply('a', 1, { providerConversation: kept('1') })];
  const tools = [...a, result('a', 1)];
  expect(uncertain([a, [message('b')]])).toBe(false);
  expect(uncertain([tools])).toBe(false);
  expect(uncertain([[...tools, message('a')]])).toBe(false);
  expect(uncertain([tools], 2)).toBe(true);
  expect(uncertain([[...tools, reply('a', 2, { partial: true })]])).toBe(true);
  // The run ended after its tools: perhaps in its next call.
  expect(uncertain([tools, [message('b')]])).toBe(true);
  expect(uncertain([a, [message('b')], [message('c')]])).toBe(true);
});

test('a reply of a resumed run does not cover the runs that are before it now', () => {
  const a = [message('a'), reply('a', 1, { providerConversation: kept('1') }), result('a', 1)];
  const b = [message('b'), reply('b', 1, { providerConversation: kept('2') })];
  expect(findContinuation([b, a], call)).toEqual({ kind: 'begins', rebuilt: 'unsettled' });
  // Resumed with nothing in between, it goes on.
  const c = [message('c'), reply('c', 1, { providerConversation: kept('3') }), result('c', 1)];
  expect(findContinuation([b, c], call)).toMatchObject({ after: { runId: 'c', step: 1 } });
  // A run that failed before its first reply has only its message sent again.
  const failed = [message('d')];
  const e = [message('e'), reply('e', 1, { providerConversation: kept('4') })];
  expect(findContinuation([e, failed], call)).toMatchObject({ after: { runId: 'e', step: 1 } });
});
