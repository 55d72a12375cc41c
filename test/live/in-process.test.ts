import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../contracts/events/event.ts';
import { createInProcessLive } from '../../live/in-process.ts';
import { listenTo } from './listen.ts';
import { liveChannelSuite } from './live-channel.testsuite.ts';

liveChannelSuite('the in-process channel', async () => {
  const channel = createInProcessLive();
  return { sender: channel, receiver: channel, close: async () => channel.close() };
});

test('within a process a notification carries its events, by reference', async () => {
  const channel = createInProcessLive();
  const key = { user: 'ann', session: 'main' };
  const heard = await listenTo(channel, key);
  const events: PerdureEvent[] = [
    { type: 'session.opened', seq: 1, at: '2026-01-01T00:00:00.000Z', sessionId: 'main', agent: 'assistant' },
  ];
  channel.publish(key, { kind: 'appended', head: 1, events });
  const [message] = heard.messages;
  expect(message?.kind === 'appended' && message.events).toBe(events);
});
