import { expect, test } from 'vitest';
import type { PerdureEvent } from '../../../contracts/events/event.ts';
import { CachedConversation } from '../../../core/conversation/cached-conversation.ts';
import { contextUnits } from '../../../core/conversation/context-units.ts';

const facts = { at: '2026-11-01T00:00:00.000Z', sessionId: 's' };
const message = (runId: string, seq: number, pin: boolean): PerdureEvent => ({
  ...facts,
  type: 'message.received',
  seq,
  runId,
  messageId: `m${seq}`,
  content: 'mail a@b.example',
  disposition: 'started',
  ...(pin ? { pin } : {}),
});
const started = (runId: string, seq: number): PerdureEvent => ({
  ...facts,
  type: 'run.started',
  seq,
  runId,
  agent: 'assistant',
  agentVersion: 'v1',
  model: 'scripted/one',
});
const decided: PerdureEvent = {
  ...facts,
  type: 'input.decided',
  seq: 3,
  runId: 'r1',
  step: 1,
  messages: [{ messageId: 'm1', content: 'mail [email]' }],
  decision: { kind: 'pass' },
  changedBy: ['redactPersonalData'],
};

test('a pinned message of a run that is not in the context is as input middleware has changed it', () => {
  const cache = new CachedConversation();
  const events = [message('r1', 1, true), started('r1', 2), decided, message('r2', 4, false), started('r2', 5)];
  cache.append(events, 0, 5);
  const window = cache.window('r2', 0, 5, true);
  if (window === null || window === 'beginning') throw new Error('The conversation is not cached.');
  const [pinned] = contextUnits(window, () => 1);
  expect(pinned?.entries).toMatchObject([{ messageId: 'm1', pin: true, content: 'mail [email]' }]);
});
