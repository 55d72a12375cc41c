import { expect, test } from 'vitest';
import { parseScript } from '../../../models/scripted/scripted-directives.ts';

const first = (message: string) => parseScript(message)?.steps[0];

test('a message without directives has no script', () => {
  for (const message of [
    '',
    'Hello',
    'mail me@example.com',
    'me@example.com=x',
    'a @then b',
    '@ x',
    'the @name of it',
  ]) {
    expect([message, parseScript(message)]).toEqual([message, null]);
  }
});

test('a script tells each model call of a message what to do', () => {
  const message =
    'Please @chunks=40 @delay=50 @tool=clock:{"timeZone":"UTC"} @then @think=hm @echo="done now" @then @mark=m1 @echo=x';
  expect(parseScript(message)).toEqual({
    mark: 'm1',
    steps: [
      { chunks: 40, delayMs: 50, toolCalls: [{ tool: 'clock', arguments: { timeZone: 'UTC' } }] },
      { reasoning: 'hm', text: 'done now' },
      { text: 'x' },
    ],
  });
});

test('texts are words or JSON strings', () => {
  expect(first('@echo=naïve:{}')).toEqual({ text: 'naïve:{}' });
  expect(first(String.raw`@echo="two \"words\"\n@tool=x"`)).toEqual({ text: 'two "words"\n@tool=x' });
});

test('tool calls carry objects, texts that are no object, or nothing', () => {
  expect(first('@tool=a:{"b":{"c":"}"}} @tool=d:"{oops" @tool=e')).toEqual({
    toolCalls: [{ tool: 'a', arguments: { b: { c: '}' } } }, { tool: 'd', raw: '{oops' }, { tool: 'e' }],
  });
});

test('failures name a status, or a way to fail', () => {
  expect(first('@fail=429:1500 @fail-times=2')).toEqual({
    failure: { status: 429, retryAfterMs: 1_500 },
    failTimes: 2,
  });
  expect(first('@fail=truncated @fail-after=3')).toEqual({ failure: 'truncated', failAfter: 3 });
  expect(first('@fail=quota')).toEqual({ failure: { status: 429, code: 'insufficient_quota' } });
});

test('usage, finish and an empty answer can be said', () => {
  const usage = { inputTokens: 120, outputTokens: 30, cachedTokens: null, reasoningTokens: null };
  expect(first('@usage=120/30 @finish=length')).toEqual({ usage, finish: 'length' });
  expect(first('@usage=none @echo=""')).toEqual({ usage: null, text: '' });
});

test.each([
  ['@dealy=5', '@dealy'],
  ['@delay=soon', '@delay'],
  ['@delay=-1', '@delay'],
  ['@fail=200', '@fail'],
  ['@finish=never', '@finish'],
  ['@echo="open', 'quoted'],
  ['@tool=a:{"b":1', 'unclosed brace'],
  ['@echo=two words', 'position'],
])('%s is refused with its reason', (message, reason) => {
  expect(() => parseScript(message)).toThrow(reason);
});
