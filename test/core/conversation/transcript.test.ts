import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { UNKNOWN_USAGE } from '../../../contracts/session/run.ts';
import { CachedConversation } from '../../../core/conversation/cached-conversation.ts';
import { transcript } from '../../../core/conversation/transcript.ts';

const at = '2026-01-01T00:00:00.000Z';
const base = (seq: number, runId = 'r1') => ({ seq, at, sessionId: 's', runId });

function received(
  seq: number,
  content: string,
  runId = 'r1',
  disposition: 'started' | 'steered' | 'queued' = 'started',
): PerdureEvent {
  return { type: 'message.received', ...base(seq, runId), messageId: `m${seq}`, content, disposition };
}
function reply(
  seq: number,
  step: number,
  text: string,
  throughSeq: number,
  runId = 'r1',
  partial = false,
): PerdureEvent {
  return {
    type: 'message.completed',
    ...base(seq, runId),
    step,
    attempt: 1,
    text,
    finish: 'stop',
    partial,
    model: 'm',
    usage: UNKNOWN_USAGE,
    throughSeq,
    firstTokenMs: 1,
    durationMs: 2,
  };
}
function started(seq: number, runId: string): PerdureEvent {
  return { type: 'run.started', ...base(seq, runId), agent: 'a', agentVersion: 'v', model: 'm' };
}
const called = (seq: number, callId: string): PerdureEvent => ({
  type: 'tool.called',
  ...base(seq),
  step: 1,
  callId,
  tool: 't',
  arguments: { x: 1 },
});
const told = (events: PerdureEvent[]) => transcript(events).map((entry) => `${entry.role}: ${entry.content}`);

test('a message to steer by stands after the last reply that had not seen it', () => {
  const events = [
    received(1, 'hello'),
    received(3, 'wait', 'r1', 'steered'),
    reply(4, 1, 'first', 2),
    reply(6, 2, 'second', 5),
  ];
  expect(told(events)).toEqual(['user: hello', 'assistant: first', 'user: wait', 'assistant: second']);
});

test('a message that waits stands after the answer before it, though it came earlier', () => {
  const events = [
    received(1, 'one'),
    started(2, 'r1'),
    received(3, 'two', 'r2', 'queued'),
    reply(4, 1, 'answer one', 2),
    started(5, 'r2'),
  ];
  expect(told(events)).toEqual(['user: one', 'assistant: answer one', 'user: two']);
});

test('an urgent run stands where it started, ahead of those admitted before it', () => {
  const events = [
    received(1, 'a', 'r1'),
    received(2, 'b', 'r2'),
    received(3, 'c', 'r3'),
    started(4, 'r1'),
    started(5, 'r3'),
    started(6, 'r2'),
  ];
  expect(told(events)).toEqual(['user: a', 'user: c', 'user: b']);
});

test('every outcome of a tool call is told to the model for what it is, right after the reply that asked', () => {
  const outcome = { ...base(9), step: 1, tool: 't' };
  const events: PerdureEvent[] = [
    received(1, 'go'),
    reply(2, 1, '', 1),
    called(3, 'a'),
    called(4, 'b'),
    called(5, 'c'),
    called(6, 'd'),
    { ...outcome, type: 'tool.unknown', callId: 'c', error: 'The worker was lost.', attempts: 1 },
    { ...outcome, type: 'tool.failed', callId: 'b', error: 'no such city', attempts: 1 },
    { ...outcome, type: 'tool.completed', callId: 'a', result: { ok: true }, attempts: 1, durationMs: 1 },
    { ...outcome, type: 'tool.cancelled', callId: 'd', error: 'stopped' },
  ];
  const entries = transcript(events);
  expect(entries.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'tool', 'tool', 'tool']);
  expect(entries.slice(2).map(({ content }) => content.split(/[.:]/)[0])).toEqual([
    '{"ok"',
    'Error',
    'Outcome unknown',
    'Cancelled',
  ]);
  expect(entries[1]).toMatchObject({ toolCalls: [{ callId: 'a' }, { callId: 'b' }, { callId: 'c' }, { callId: 'd' }] });
});

test('an empty reply without tool calls leaves no entry', () => {
  expect(told([received(1, 'hi'), reply(2, 1, '', 1, 'r1', true)])).toEqual(['user: hi']);
});

test('an event of a type that this version does not know is not part of the conversation', () => {
  const unknown = { type: 'run.paused', ...base(3), step: 1, content: 'New', text: 'New' } as never;
  const events = [received(1, 'hello'), started(2, 'r1'), unknown, reply(4, 1, 'first', 2)];
  expect(told(events)).toEqual(['user: hello', 'assistant: first']);

  const cache = new CachedConversation();
  cache.append(events, 0, 4);
  expect(cache.window('r1', 0, 4)).toMatchObject({ runs: [{ entries: transcript(events) }] });
});
