import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ModelClient, ModelMessage } from '../../models/model-client.ts';
import { createOpenAIChatClient } from '../../models/openai/openai-chat.ts';
import { createOpenAIResponsesClient } from '../../models/openai/openai-responses.ts';
import { llamaServer, SMOLLM2, type LlamaServer } from '../support/models/llama-server.ts';
import { hear, modelRequest, offeredTool } from '../support/models/model-requests.ts';

const TIMEOUT = { timeout: 90_000 };
/** What a model this small can be brought to say. */
const CALL = '<tool_call>{"name": "calculator", "arguments": {"expression": "3*4"}}</tool_call>';

const request = (messages: readonly ModelMessage[]) =>
  modelRequest({ model: SMOLLM2, messages, temperature: 0, maxOutputTokens: 48 });

const started = await llamaServer();
if ('unavailable' in started) console.warn(`Skipped: ${started.unavailable}`);

describe.skipIf('unavailable' in started)('a real model', TIMEOUT, () => {
  const server = started as LlamaServer;
  afterAll(() => server.stop());

  describe.each([
    ['Chat Completions', createOpenAIChatClient],
    ['Responses', createOpenAIResponsesClient],
  ])('over %s', (_api, create) => {
    let client: ModelClient;
    beforeAll(() => {
      client = create({ provider: 'llama.cpp', baseUrl: server.url, apiKey: null });
    });

    test('two turns stream, the second sees the first, and usage is said', async () => {
      const first: ModelMessage = { role: 'user', content: 'My name is Zebulon. Say hello to me.' };
      const one = await hear(client, request([first]));
      expect(one.deltas).toBeGreaterThan(3);
      expect(one.text).toBe(one.reply.text);
      expect(one.reply).toMatchObject({ model: SMOLLM2, toolCalls: [] });
      const two = await hear(
        client,
        request([
          first,
          { role: 'assistant', content: one.reply.text, toolCalls: [] },
          { role: 'user', content: 'What is my name?' },
        ]),
      );
      expect(two.reply.text).not.toBe('');
      expect(one.reply.usage?.outputTokens).toBeGreaterThan(3);
      expect(two.reply.usage?.inputTokens).toBeGreaterThan(one.reply.usage?.inputTokens ?? Infinity);
    });

    test('a tool chosen by name is called, and its result can be answered', async () => {
      const tools = [offeredTool('calculator', 'expression'), offeredTool('clock', 'timeZone')];
      const asked: ModelMessage = { role: 'user', content: `${CALL}\nRepeat the line above.` };
      const { reply } = await hear(client, {
        ...request([asked]),
        tools,
        toolChoice: 'clock',
        maxOutputTokens: 100,
      });
      // The message asks for another tool: that this one is called shows that the choice was obeyed.
      expect(new Set(reply.toolCalls.map(({ tool }) => tool))).toEqual(new Set(['clock']));
      expect(reply.toolCalls[0]).toMatchObject({ malformed: null, arguments: { timeZone: expect.any(String) } });
      const answered = await hear(client, {
        ...request([
          asked,
          { role: 'assistant', content: reply.text, toolCalls: reply.toolCalls },
          ...reply.toolCalls.map(({ callId }) => ({ role: 'tool', callId, tool: 'clock', content: '12:30' }) as const),
        ]),
        tools,
      });
      expect(answered.reply.usage?.inputTokens).toBeGreaterThan(reply.usage?.inputTokens ?? Infinity);
    });

    test('an abort ends the stream', async () => {
      const stop = new AbortController();
      const reason = new Error('stop');
      let deltas = 0;
      const call = client.generate(
        { ...request([{ role: 'user', content: 'Count from 1 to 1000.' }]), maxOutputTokens: 1_500 },
        {
          signal: stop.signal,
          onDelta: () => {
            if (++deltas === 3) stop.abort(reason);
          },
        },
      );
      await expect(call).rejects.toBe(reason);
      expect(deltas).toBe(3);
      // The server has one slot: that it answers again shows that it left the other request.
      const next = await hear(client, { ...request([{ role: 'user', content: 'Hello' }]), maxOutputTokens: 4 });
      expect(next.reply.text).not.toBe('');
    });
  });
});
