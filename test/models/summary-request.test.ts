import { expect, test } from 'vitest';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { summaryRequest } from '../../models/summary-request.ts';

test('a message that input middleware has refused, or the text before a change, is not in the request for a summary', () => {
  const message = { role: 'user', runId: 'r' } as const;
  const entries: TranscriptEntry[] = [
    {
      ...message,
      messageId: 'm1',
      content: 'refused words',
      decision: { kind: 'refuse', middleware: 'guard', reason: 'No.' },
    },
    { ...message, messageId: 'm2', content: 'mail [email]', changedBy: ['redactPersonalData'] },
  ];
  const bounds = { before: null, summaryTokens: 100, capacity: 1_000, maxOutputTokens: 100 };
  const [given] = summaryRequest('x', { ...bounds, entries }).messages;
  expect(given?.content).toContain('mail [email]');
  expect(given?.content).not.toContain('refused words');
});
