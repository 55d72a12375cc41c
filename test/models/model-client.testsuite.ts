import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LIMITS } from '../../contracts/limits.ts';
import type { ModelClient } from '../../models/model-client.ts';
import type { ScriptedReply } from '../../models/scripted/scripted-reply.ts';
import { hear, modelRequest } from '../support/models/model-requests.ts';

/** A client and what makes its provider say things. */
export interface ClientUnderTest {
  readonly client: ModelClient;
  /** What the provider says in the next calls, in order. */
  enqueue(...replies: ScriptedReply[]): void;
  close(): Promise<void>;
}

/** What every {@link ModelClient} does, however its provider speaks. */
export function modelClientSuite(name: string, open: () => Promise<ClientUnderTest>): void {
  // oxlint-disable-next-line vitest/valid-title -- the title is the suite's parameter.
  describe(name, () => {
    let under: ClientUnderTest;
    beforeAll(async () => {
      under = await open();
    });
    afterAll(() => under.close());

    const say = (reply: ScriptedReply, stream = true, signal?: AbortSignal) => {
      under.enqueue(reply);
      return hear(under.client, modelRequest({ stream }), signal);
    };

    test('the pieces of a streamed answer join to its text and its thoughts', async () => {
      const { reply, text, reasoning, deltas } = await say({
        text: 'Grüße 👋 to all of you',
        reasoning: 'They greet me.',
      });
      expect(reply).toMatchObject({ text: 'Grüße 👋 to all of you', reasoning: 'They greet me.', finish: 'stop' });
      expect([text, reasoning]).toEqual([reply.text, reply.reasoning]);
      expect(deltas).toBeGreaterThan(5);
    });

    test('an answer that does not stream is the same, without pieces', async () => {
      const usage = { inputTokens: 12, outputTokens: 3, cachedTokens: 8, reasoningTokens: 1 };
      const answer: ScriptedReply = {
        text: 'Both the same',
        reasoning: 'Hm.',
        toolCalls: [{ tool: 'clock', arguments: { timeZone: 'UTC' } }],
        usage,
      };
      const streamed = await say(answer);
      const whole = await say(answer, false);
      expect(whole.reply).toEqual(streamed.reply);
      expect(whole.deltas).toBe(0);
    });

    test('usage says what the provider said', async () => {
      const usage = { inputTokens: 120, outputTokens: 30, cachedTokens: 100, reasoningTokens: 10 };
      expect((await say({ text: 'ok', usage })).reply.usage).toEqual(usage);
    });

    test('usage that the provider did not say is unknown', async () => {
      expect((await say({ text: 'ok', usage: null })).reply.usage).toBeNull();
    });

    test('tool calls come with their parsed arguments, in order', async () => {
      const { reply } = await say({
        toolCalls: [
          { tool: 'calculator', arguments: { expression: '1 + 1' }, callId: 'a' },
          { tool: 'clock', callId: 'b' },
        ],
      });
      expect(reply.finish).toBe('tool_calls');
      expect(reply.toolCalls).toEqual([
        { callId: 'a', tool: 'calculator', arguments: { expression: '1 + 1' }, malformed: null },
        { callId: 'b', tool: 'clock', arguments: {}, malformed: null },
      ]);
    });

    test.each([true, false])('call ids that repeat or are missing are made unique (stream: %s)', async (stream) => {
      const { reply } = await say(
        {
          toolCalls: ['a', 'a', ''].map((callId, n) => ({ tool: 'clock', arguments: { n }, callId })),
        },
        stream,
      );
      expect(reply.toolCalls.map((call) => call.arguments)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
      const ids = reply.toolCalls.map(({ callId }) => callId);
      expect(new Set(ids).size).toBe(3);
      expect(ids[0]).toBe('a');
      expect(ids).not.toContain('');
    });

    test('arguments that are not JSON are kept and said to be malformed', async () => {
      const { reply } = await say({ toolCalls: [{ tool: 'clock', raw: '{"timeZone": UTC' }] });
      expect(reply.toolCalls[0]).toMatchObject({ arguments: '{"timeZone": UTC', malformed: expect.any(String) });
    });

    test('a call cut short by the length limit is malformed, a whole one beside it is not', async () => {
      const { reply } = await say({
        finish: 'length',
        toolCalls: [
          { tool: 'clock', arguments: { timeZone: 'UTC' } },
          { tool: 'clock', raw: '{"timeZo' },
          { tool: 'clock', raw: '' },
        ],
      });
      expect(reply.finish).toBe('length');
      const cut = expect.stringContaining('length limit');
      expect(reply.toolCalls.map(({ malformed }) => malformed)).toEqual([null, cut, cut]);
    });

    test('an answer cut short by the length limit is kept', async () => {
      expect((await say({ text: 'And then', finish: 'length' })).reply).toMatchObject({
        text: 'And then',
        finish: 'length',
      });
    });

    test.each([true, false])('a refusal is an answer that says so (stream: %s)', async (stream) => {
      const { reply } = await say({ text: 'I will not.', finish: 'refusal' }, stream);
      expect(reply).toMatchObject({ text: 'I will not.', finish: 'refusal', toolCalls: [] });
    });

    test.each([true, false])('an empty answer is a failure that is tried again (stream: %s)', async (stream) => {
      await expect(say({}, stream)).rejects.toMatchObject({ reason: 'empty_reply', retryable: true });
    });

    test('a stream that ends before its last event is a failure that is tried again', async () => {
      await expect(say({ text: 'Half of', failure: 'truncated', failAfter: 1 })).rejects.toMatchObject({
        reason: 'stream_truncated',
        retryable: true,
      });
    });

    test.each([true, false])('a broken connection is a failure that is tried again (stream: %s)', async (stream) => {
      await expect(say({ text: 'Half', failure: 'connection' }, stream)).rejects.toMatchObject({
        reason: 'connection',
        retryable: true,
      });
    });

    test('a rate limit is tried again when the provider says', async () => {
      const failure = { status: 429, code: 'rate_limit_exceeded', retryAfterMs: 3_600_000 };
      await expect(say({ failure })).rejects.toMatchObject({
        reason: 'rate_limited',
        retryable: true,
        retryAfterMs: 3_600_000,
        httpStatus: 429,
      });
    });

    test('a quota that is used up is not tried again', async () => {
      await expect(say({ failure: { status: 429, code: 'insufficient_quota' } })).rejects.toMatchObject({
        reason: 'quota_exhausted',
        retryable: false,
      });
    });

    test.each([500, 502, 503, 504, 529, 408, 409])('status %i is tried again', async (status) => {
      await expect(say({ failure: { status } })).rejects.toMatchObject({ retryable: true, httpStatus: status });
    });

    test.each([400, 401, 403, 404, 422])('status %i is not tried again', async (status) => {
      await expect(say({ failure: { status } })).rejects.toMatchObject({ retryable: false, httpStatus: status });
    });

    test('a text over the limit ends the call', async () => {
      const text = 'x'.repeat(LIMITS.replyCharacters.value + 1);
      await expect(say({ text, chunks: 50 })).rejects.toMatchObject({ reason: 'too_large', retryable: false });
    });

    test('more tool calls than the limit end the call', async () => {
      const toolCalls = Array.from({ length: LIMITS.toolCallsPerStep.value + 1 }, () => ({ tool: 'clock' }));
      await expect(say({ toolCalls })).rejects.toMatchObject({ reason: 'too_large' });
    });

    test('arguments over the limit end the call', async () => {
      const toolCalls = [{ tool: 'clock', arguments: { text: 'x'.repeat(LIMITS.toolArgumentsBytes.value) } }];
      await expect(say({ toolCalls })).rejects.toMatchObject({ reason: 'too_large' });
    });

    test('an abort in the middle rejects with its reason', async () => {
      const stop = new AbortController();
      const reason = new Error('the user stopped it');
      const held = new Promise<never>(() => undefined);
      under.enqueue({ text: 'one two three', hold: (piece) => (piece < 2 ? undefined : held) });
      const onDelta = () => stop.abort(reason);
      const call = under.client.generate(modelRequest(), { signal: stop.signal, onDelta });
      await expect(call).rejects.toBe(reason);
    });

    test('an abort before the call rejects with its reason, and nothing is asked', async () => {
      const reason = new Error('too late');
      await expect(hear(under.client, modelRequest(), AbortSignal.abort(reason))).rejects.toBe(reason);
    });
  });
}
