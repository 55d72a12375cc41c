import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SessionKey } from '../../contracts/session/session-key.ts';
import type { LiveChannel, LiveMessage } from '../../live/live-channel.ts';
import { delta, listenTo } from './listen.ts';

/** Two ends of one channel: the same object in one process, two connections between processes. */
export interface Ends {
  readonly sender: LiveChannel;
  readonly receiver: LiveChannel;
  close(): Promise<void>;
}

const key: SessionKey = { user: 'ann', session: 'main' };

/** What every live channel does. */
export function liveChannelSuite(name: string, open: () => Promise<Ends>): void {
  describe(`as a live channel, ${name}`, () => {
    let ends: Ends;
    beforeAll(async () => {
      ends = await open();
    }, 60_000);
    afterAll(async () => ends.close());

    test('messages of a session arrive in the order of sending', async () => {
      const heard = await listenTo(ends.receiver, key);
      const sent = Array.from({ length: 500 }, (_, index) => delta('r', index * 2, `${index % 10}.`));
      for (const message of sent) ends.sender.publish(key, message);
      ends.sender.publish(key, { kind: 'resend-text' });
      await heard.until((message) => message.kind === 'resend-text');
      // A sender that is behind joins deltas: the text is the same.
      expect(heard.text()).toBe(sent.map((_, index) => `${index % 10}.`).join(''));
      heard.close();
    });

    test('every kind of message arrives as it was sent', async () => {
      const heard = await listenTo(ends.receiver, key);
      const at = '2026-01-01T00:00:00.000Z';
      const step = { at, sessionId: 'main', runId: 'r', step: 1 };
      const sent: LiveMessage[] = [
        { kind: 'appended', head: 7 },
        { kind: 'live', event: { type: 'reasoning.delta', ...step, attempt: 1, offset: 0, delta: 'hm' } },
        { kind: 'live', event: { type: 'tool.progress', ...step, callId: 'c', tool: 't', progress: { done: 0.5 } } },
        { kind: 'live', event: { type: 'step.retracted', ...step, attempt: 1 } },
        { kind: 'control', runId: 'r', command: 'cancel', reason: 'cancelled' },
        { kind: 'soFar', soFar: { runId: 'r', step: 1, attempt: 2, reasoning: 'hm', text: 'well' } },
        { kind: 'resend-text' },
      ];
      for (const message of sent) ends.sender.publish(key, message);
      await heard.until((message) => message.kind === 'resend-text');
      expect(heard.messages).toEqual(sent);
      heard.close();
    });

    test('a session hears nothing of another', async () => {
      const heard = await listenTo(ends.receiver, key);
      const others: SessionKey[] = [
        { user: 'ann', session: 'main2' },
        { user: 'annm', session: 'ain' },
        { user: 'ann:main', session: 'main' },
        { user: 'Анна', session: 'main' },
      ];
      for (const other of others) ends.sender.publish(other, delta('other', 0, 'not yours'));
      ends.sender.publish(key, { kind: 'resend-text' });
      await heard.until((message) => message.kind === 'resend-text');
      expect(heard.messages).toEqual([{ kind: 'resend-text' }]);
      heard.close();
    });

    test.each([
      ['ASCII', 'x'.repeat(100_000)],
      ['characters of two to four bytes', 'é€😀'.repeat(20_000)],
      ['line ends, quotes and halves of surrogate pairs', '\n"\\\ud83d'.repeat(10_000)],
    ])('a long message of %s arrives whole', async (_, text) => {
      const odd: SessionKey = { user: 'użytkownik: %/ ', session: 'сессия/%2F:1' };
      const heard = await listenTo(ends.receiver, odd);
      const soFar = { runId: 'r', step: 1, attempt: 1, reasoning: '', text };
      ends.sender.publish(odd, delta('r', 0, 'before'));
      ends.sender.publish(odd, { kind: 'soFar', soFar });
      ends.sender.publish(odd, { kind: 'resend-text' });
      await heard.until((message) => message.kind === 'resend-text');
      expect(heard.messages).toEqual([delta('r', 0, 'before'), { kind: 'soFar', soFar }, { kind: 'resend-text' }]);
      heard.close();
    });

    test('equal messages are each delivered', async () => {
      const heard = await listenTo(ends.receiver, key);
      const control: LiveMessage = { kind: 'control', runId: 'r', command: 'cancel', reason: 'cancelled' };
      ends.sender.publish(key, control);
      ends.sender.publish(key, control);
      ends.sender.publish(key, { kind: 'resend-text' });
      await heard.until((message) => message.kind === 'resend-text');
      expect(heard.messages).toEqual([control, control, { kind: 'resend-text' }]);
      heard.close();
    });

    test('every subscriber hears, one that throws included, until it is closed', async () => {
      const thrower = await ends.receiver.subscribe(key, () => {
        throw new Error('a listener must not do this');
      });
      const [first, second] = [await listenTo(ends.receiver, key), await listenTo(ends.receiver, key)];
      ends.sender.publish(key, delta('r', 0, 'to both'));
      await Promise.all([first.until(() => true), second.until(() => true)]);
      first.close();
      thrower.close();
      ends.sender.publish(key, { kind: 'resend-text' });
      await second.until((message) => message.kind === 'resend-text');
      expect(first.messages).toEqual([delta('r', 0, 'to both')]);
      second.close();
      second.close();
    });

    test('an open channel becomes ready', async () => {
      await expect.poll(() => ends.sender.ready(), { timeout: 10_000 }).toBe(true);
    });
  });
}
