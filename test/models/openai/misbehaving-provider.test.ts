import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ModelClient } from '../../../models/model-client.ts';
import { createOpenAIChatClient } from '../../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../../models/openai/openai-responses.ts';
import { hear, modelRequest, offeredTool } from '../../support/models/model-requests.ts';
import { startStubModelServer, type StubModelServer } from '../../support/models/stub-model-server.ts';

const KEY = 'sk-very-secret';
const APIS = [
  { api: 'Chat Completions', create: createOpenAIChatClient },
  { api: 'Responses', create: createOpenAIResponsesClient },
];

let stub: StubModelServer;
beforeEach(async () => {
  stub = await startStubModelServer();
});
afterEach(() => stub.close());

describe.each(APIS)('$api', ({ create }) => {
  let client: ModelClient;
  beforeEach(() => {
    client = create({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: KEY });
  });

  test('an abort in the middle of a stream closes the request', async () => {
    stub.enqueue({ misbehaves: 'hangs-mid-stream', text: 'one two' });
    const stop = new AbortController();
    const reason = new Error('stop');
    const onDelta = () => stop.abort(reason);
    await expect(client.generate(modelRequest(), { signal: stop.signal, onDelta })).rejects.toBe(reason);
    await expect((await stub.received(1)).closed).resolves.toBe('aborted');
  });

  test.each([true, false])('an abort before the headers closes the request (stream: %s)', async (stream) => {
    stub.enqueue({ misbehaves: 'hangs-before-headers' });
    const stop = new AbortController();
    const call = hear(client, modelRequest({ stream }), stop.signal);
    const request = await stub.received(1);
    stop.abort(new Error('stop'));
    await expect(call).rejects.toBe(stop.signal.reason);
    await expect(request.closed).resolves.toBe('aborted');
  });

  test.each(['hangs-before-headers', 'hangs-mid-stream'] as const)(
    'a provider that %s is left, and the call is tried again',
    async (misbehaves) => {
      stub.enqueue({ misbehaves });
      await expect(hear(client, modelRequest(), undefined, 100)).rejects.toMatchObject({
        reason: 'timeout',
        retryable: true,
      });
      await expect((await stub.received(1)).closed).resolves.toBe('aborted');
    },
  );

  test.each(['broken-json', 'wrong-types'] as const)('%s in a stream is tried again', async (misbehaves) => {
    stub.enqueue({ misbehaves });
    await expect(hear(client, modelRequest())).rejects.toMatchObject({ reason: 'server_error', retryable: true });
  });

  test('an error event in a stream says what it is', async () => {
    stub.enqueue({ misbehaves: 'error-in-stream' });
    await expect(hear(client, modelRequest())).rejects.toMatchObject({ reason: 'rate_limited', retryable: true });
  });

  test('chunks of an unknown type are passed over', async () => {
    stub.enqueue({ misbehaves: 'unknown-chunks', text: 'All is well' });
    expect((await hear(client, modelRequest())).reply).toMatchObject({ text: 'All is well', finish: 'stop' });
  });

  test('an answer that broke off after its end is kept', async () => {
    stub.enqueue({ misbehaves: 'breaks-after-finish', text: 'All is said' });
    expect((await hear(client, modelRequest())).reply.text).toBe('All is said');
  });

  test('a body that is no answer is tried again', async () => {
    stub.enqueue({ status: 200, body: ['not', 'an', 'answer'] });
    await expect(hear(client, modelRequest({ stream: false }))).rejects.toMatchObject({ reason: 'server_error' });
  });

  test('a call makes one request: it is never retried here', async () => {
    stub.enqueue({ status: 500 }, { text: 'ok' });
    await expect(hear(client, modelRequest())).rejects.toMatchObject({ reason: 'server_error' });
    expect(stub.requests).toHaveLength(1);
  });

  test('a provider that is not there is a broken connection', async () => {
    await stub.close();
    await expect(hear(client, modelRequest())).rejects.toMatchObject({
      reason: 'connection',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('errors repeat neither the conversation nor the key', async () => {
    const body = { error: { message: `You said "my diary" with ${KEY}`, code: 'invalid_request_error' } };
    stub.enqueue({ status: 400, body });
    const request = modelRequest({ messages: [{ role: 'user', content: 'my diary' }] });
    const failed = await hear(client, request).catch((error: unknown) => error);
    expect(String(failed)).toContain('status 400, code invalid_request_error');
    expect(String(failed)).not.toMatch(/diary|secret/);
  });

  test('a tool chosen by name is offered alone and required', async () => {
    stub.enqueue({ toolCalls: [{ tool: 'clock' }] });
    const tools = [offeredTool('calculator', 'expression'), offeredTool('clock', 'timeZone')];
    await hear(client, modelRequest({ tools, toolChoice: 'clock' }));
    const { body } = await stub.received(1);
    expect(body).toMatchObject({ tool_choice: 'required' });
    expect(JSON.stringify(body['tools'])).toContain('"clock"');
    expect(JSON.stringify(body['tools'])).not.toContain('"calculator"');
  });

  test('a conversation goes out whole: tool calls with their results, odd names and arguments made acceptable', async () => {
    stub.enqueue({ text: 'ok' });
    const args = { expression: '1 + 1' };
    await hear(
      client,
      modelRequest({
        messages: [
          { role: 'user', content: 'Go' },
          {
            role: 'assistant',
            content: '',
            toolCalls: [
              { callId: 'a', tool: 'calculator', arguments: args, malformed: null },
              { callId: 'b', tool: 'functions.odd name', arguments: '{"x', malformed: 'no JSON' },
            ],
          },
          { role: 'tool', callId: 'a', tool: 'calculator', content: '2' },
          { role: 'tool', callId: 'b', tool: 'functions.odd name', content: 'There is no such tool' },
        ],
        temperature: 0.5,
        maxOutputTokens: 99,
      }),
    );
    const { body, headers } = await stub.received(1);
    const sent = JSON.stringify(body);
    expect(headers.authorization).toBe(`Bearer ${KEY}`);
    expect(sent).toContain(JSON.stringify(JSON.stringify(args)));
    expect(sent).toContain('functions_odd_name');
    expect(sent).toContain(JSON.stringify(JSON.stringify({ malformed: '{"x' })));
    expect(sent).toContain('There is no such tool');
    expect(body).toMatchObject({ temperature: 0.5 });
    expect(body['max_tokens'] ?? body['max_output_tokens']).toBe(99);
  });
});

describe('Chat Completions only', () => {
  test('comments keep a call alive, beyond the limit of silence', async () => {
    const encoder = new TextEncoder();
    const pieces = [...Array.from({ length: 6 }, () => ': alive\n\n'), CHUNK];
    const body = new ReadableStream({
      async pull(controller) {
        await sleep(50);
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(encoder.encode(piece));
      },
    });
    const client = chat(async () => new Response(body));
    expect((await hear(client, modelRequest(), undefined, 200)).reply.text).toBe('Late');
  });

  test('consecutive messages of the user are one on the wire, and texts of the assistant too', async () => {
    stub.enqueue({ text: 'ok' });
    await hear(
      chat(),
      modelRequest({ instructions: '', messages: [asked('a'), asked('b'), said('c'), said('d'), asked('e')] }),
    );
    expect((await stub.received(1)).body['messages']).toEqual([
      { role: 'user', content: 'a\n\nb' },
      { role: 'assistant', content: 'c\n\nd' },
      { role: 'user', content: 'e' },
    ]);
  });

  test("a server that rejects a provider's fields gets them once", async () => {
    const error = { message: "property 'messages.1.reasoning_content' is unsupported" };
    const client = chat();
    const toolCalls = [{ callId: 'a', tool: 'clock', arguments: {}, malformed: null }];
    const providerFields = { message: { reasoning_content: 'Hm.', role: 'system' }, calls: [] };
    const messages = [
      { role: 'assistant', content: '', toolCalls, providerFields },
      { role: 'tool', callId: 'a', tool: 'clock', content: 'noon' },
    ] as const;
    stub.enqueue({ status: 400, body: { error } }, { text: 'ok' }, { text: 'ok' });
    await hear(client, modelRequest({ messages }));
    await hear(client, modelRequest({ messages }));
    const sent = stub.requests.map(({ body }) => JSON.stringify(body));
    expect(sent.map((one) => one.includes('reasoning_content'))).toEqual([true, false, false]);
  });

  test('[DONE] without a reason for the end is not an end', async () => {
    stub.enqueue({ misbehaves: 'done-without-finish' });
    await expect(hear(chat(), modelRequest())).rejects.toMatchObject({ reason: 'stream_truncated' });
  });

  test('a reason for the end is an end, also without [DONE]', async () => {
    stub.enqueue({ misbehaves: 'no-done', text: 'The end' });
    expect((await hear(chat(), modelRequest())).reply.text).toBe('The end');
  });

  test('a server that does not know stream_options is asked without, once and for all', async () => {
    const client = chat();
    stub.behave(() => ({ misbehaves: 'no-stream-options', text: 'Fine' }));
    expect((await hear(client, modelRequest())).reply).toMatchObject({ text: 'Fine', usage: null });
    expect((await hear(client, modelRequest())).reply.text).toBe('Fine');
    expect(stub.requests.map(({ body }) => 'stream_options' in body)).toEqual([true, false, false]);
  });

  test.each([
    ['without an index', [{}, {}]],
    ['all with index 0', [{ index: 0 }, { index: 0 }]],
  ])('calls that stream %s are told apart by their ids', async (_how, [first, second]) => {
    const calls = [
      { ...first, id: 'a', function: { name: 'clock', arguments: '{"n":1}' } },
      { ...second, id: 'b', function: { name: 'clock', arguments: { n: 2 } } },
    ];
    const fetch = async () =>
      sse(...calls.map((call) => ({ delta: { tool_calls: [call] } })), { finish_reason: 'stop' });
    const client = chat(fetch);
    const { reply } = await hear(client, modelRequest());
    expect(reply).toMatchObject({
      finish: 'tool_calls',
      toolCalls: [{ arguments: { n: 1 } }, { arguments: { n: 2 } }],
    });
  });

  test('thoughts are heard under either of their names', async () => {
    const said = [
      { delta: { reasoning: 'Let me ' } },
      { delta: { reasoning_content: 'think' } },
      { delta: { content: 'Yes' }, finish_reason: 'stop' },
    ];
    expect(
      (
        await hear(
          chat(async () => sse(...said)),
          modelRequest(),
        )
      ).reasoning,
    ).toBe('Let me think');
  });
});

const said = (content: string) => ({ role: 'assistant', content, toolCalls: [] }) as const;
const asked = (content: string) => ({ role: 'user', content }) as const;

const CHUNK = `data: ${JSON.stringify({ choices: [{ delta: { content: 'Late' }, finish_reason: 'stop' }] })}\n\n`;

function chat(fetch = globalThis.fetch): ModelClient {
  return createOpenAIChatClient({ provider: 'stub', baseUrl: stub.baseUrl, apiKey: null, fetch });
}

function sse(...choices: object[]): Response {
  const frames = choices.map((choice) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`);
  return new Response(frames.join(''), { headers: { 'content-type': 'text/event-stream' } });
}
