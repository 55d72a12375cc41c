import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ModelMessage, ModelRequest } from '../../../models/model-client.ts';
import { createScriptedProvider } from '../../../models/scripted/scripted-demo.ts';
import type { ScriptedLogLine } from '../../../models/scripted/scripted-log.ts';
import { createScriptedClient } from '../../../models/scripted/scripted.ts';
import { hear, modelRequest, offeredTool } from '../../support/models/model-requests.ts';

const TOOLS = [
  offeredTool('calculator', 'expression'),
  offeredTool('clock', 'timeZone'),
  offeredTool('http_fetch', 'url'),
];
const client = createScriptedProvider();

const user = (content: string): ModelMessage => ({ role: 'user', content });
const called = (callId: string): ModelMessage => ({
  role: 'assistant',
  content: '',
  toolCalls: [{ callId, tool: 'calculator', arguments: {}, malformed: null }],
});
const result = (callId: string, content: string): ModelMessage => ({
  role: 'tool',
  callId,
  tool: 'calculator',
  content,
});
const ask = (messages: readonly ModelMessage[], changes: Partial<ModelRequest> = {}) =>
  hear(client, modelRequest({ model: 'instant', messages, tools: TOOLS, ...changes }));

test('the demo says that it is a scripted stand-in, and streams it in words', async () => {
  const { reply, text, reasoning, deltas } = await ask([user('Hello')], { model: 'demo' });
  expect(reply.text).toContain('scripted stand-in');
  expect(reply.text).toContain('"Hello"');
  expect([text, reasoning]).toEqual([reply.text, reply.reasoning]);
  expect(reasoning).not.toBe('');
  expect(deltas).toBeGreaterThan(30);
});

test.each([
  ['What is 12 * (3 + 4)?', 'calculator', { expression: '12 * (3 + 4)' }],
  ['-3.5 ^ 2', 'calculator', { expression: '-3.5 ^ 2' }],
  ['What time is it in Europe/Berlin?', 'clock', { timeZone: 'Europe/Berlin' }],
  ['tell me the date', 'clock', {}],
  ['Read https://example.com/a?b=1.', 'http_fetch', { url: 'https://example.com/a?b=1' }],
])('%s suggests the tool %s', async (message, tool, args) => {
  const { reply } = await ask([user(message)]);
  expect(reply).toMatchObject({ finish: 'tool_calls', toolCalls: [{ tool, arguments: args, malformed: null }] });
});

test.each(['Hello', 'It was on 2026-05-01', 'call me at 555', 'a-b'])('%s suggests no tool', async (message) => {
  expect((await ask([user(message)])).reply.toolCalls).toEqual([]);
});

test('a tool that is not offered is not called', async () => {
  expect((await ask([user('1 + 1')], { tools: [] })).reply.finish).toBe('stop');
  expect((await ask([user('1 + 1')], { toolChoice: 'none' })).reply.finish).toBe('stop');
});

test('a tool that is insisted on is called', async () => {
  expect((await ask([user('Hello')], { toolChoice: 'clock' })).reply.toolCalls).toMatchObject([{ tool: 'clock' }]);
  expect((await ask([user('Hello')], { toolChoice: 'required' })).reply.toolCalls).toHaveLength(1);
});

test('the result of a tool becomes the answer', async () => {
  const { reply } = await ask([user('1 + 1'), called('a'), result('a', '{"value":2}')]);
  expect(reply).toMatchObject({ text: 'The tool calculator says: {"value":2}', finish: 'stop' });
});

test('echo answers what was said, in one piece', async () => {
  const { reply, deltas } = await ask([user('Hello there')], { model: 'echo' });
  expect([reply.text, deltas]).toEqual(['You said: Hello there', 1]);
});

test('a script goes on with each model call of its message, and only with those', async () => {
  const script = user('@chunks=3 @tool=calculator:{} @then @echo=done');
  const before = [user('Hi'), { role: 'assistant', content: 'Hi', toolCalls: [] } as const];
  const one = await ask([...before, script]);
  expect(one).toMatchObject({ deltas: 3, text: '1 2 3 ', reply: { finish: 'tool_calls' } });
  expect((await ask([...before, script, called('a'), result('a', '2')])).reply.text).toBe('done');
  expect((await ask([script, called('a'), result('a', '2'), user('@echo=other')])).reply.text).toBe('other');
  expect((await ask([user('@tool=calculator:{}'), called('a'), result('a', '2')])).reply.text).toContain('says: 2');
});

test('a script that says only how is answered as without one', async () => {
  expect((await ask([user('@mark=x @think=so')])).reply).toMatchObject({
    reasoning: 'so',
    text: expect.stringContaining('stand-in'),
  });
});

test('the same request has the same reply', async () => {
  const messages = [user('@echo="a b c" @tool=clock')];
  expect((await ask(messages)).reply).toEqual((await ask(messages)).reply);
});

test('fail-times fails that many tries of one call, and then goes well', async () => {
  const messages = [user('@fail=503:10 @fail-times=2 @echo=well')];
  await expect(ask(messages)).rejects.toMatchObject({ httpStatus: 503, retryAfterMs: 10, retryable: true });
  await expect(ask(messages)).rejects.toMatchObject({ httpStatus: 503 });
  expect((await ask(messages)).reply.text).toBe('well');
});

test('a script that is not understood fails for good', async () => {
  await expect(ask([user('@dealy=3 @echo=x')])).rejects.toMatchObject({
    retryable: false,
    message: expect.stringContaining('@dealy'),
  });
});

test('the call log has a line for each call that began, in whichever process, and no content', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-scripted-'));
  try {
    const logPath = join(folder, 'calls.jsonl');
    const request = modelRequest({
      model: 'instant',
      messages: [user('@mark=m7 @echo=secret @fail=500 @fail-times=1')],
    });
    const stopped = { signal: AbortSignal.abort(new Error('stop')), onDelta: () => undefined };
    await expect(createScriptedProvider({ logPath }).generate(request, stopped)).rejects.toThrow('stop');
    await expect(hear(createScriptedProvider({ logPath }), request)).rejects.toMatchObject({ httpStatus: 500 });
    expect((await hear(createScriptedProvider({ logPath }), request)).reply.text).toBe('secret');
    const text = readFileSync(logPath, 'utf8');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ScriptedLogLine);
    expect(lines).toMatchObject([
      { mark: 'm7', step: 1, model: 'instant', pid: process.pid },
      { mark: 'm7', step: 1, digest: lines[0]?.digest },
    ]);
    expect(text).not.toContain('secret');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the scripted client for tests fails loudly when it runs out, and keeps what it was asked', async () => {
  const scripted = createScriptedClient({ replies: [{ text: 'one' }] });
  expect((await hear(scripted, modelRequest())).reply.text).toBe('one');
  await expect(hear(scripted, modelRequest())).rejects.toThrow('no reply for call 2');
  expect(scripted.requests).toHaveLength(2);
});
