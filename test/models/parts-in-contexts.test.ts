import { expect, test } from 'vitest';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { summaryRequest } from '../../models/summary-request.ts';
import { TokenMeter } from '../../models/token-meter.ts';

const file = { attachmentId: 'att_1', name: 'a', size: 3_000 };
const entry: TranscriptEntry = {
  role: 'user',
  runId: 'r',
  messageId: 'm',
  content: 'hello',
  parts: [
    { type: 'text', text: 'hello!' },
    { type: 'image', ...file, contentType: 'image/png' },
    { type: 'file', ...file, contentType: 'text/plain' },
    { type: 'file', ...file, contentType: 'application/pdf' },
    { type: 'data', data: [1, 2] },
  ],
};

test('the window of a context counts images by their number, texts by their length, and other files by their size', () => {
  const { ofEntry } = new TokenMeter().estimates('local/x');
  expect(ofEntry(entry)).toBe(4 + 2 + 1_500 + 1_000 + 100 + 2);
});

test('the model that summarises is given the names of files', () => {
  const request = summaryRequest('x', {
    before: null,
    entries: [entry],
    summaryTokens: 100,
    capacity: 10_000,
    maxOutputTokens: 100,
  });
  const text = JSON.stringify(request.messages);
  expect(text).toContain('User: hello!\\n[File a (image/png)]');
  expect(text).toContain('[1,2]');
});
