import { expect, test } from 'vitest';
import { estimateInputTokens, estimateTextTokens } from '../../models/estimate-tokens.ts';
import type { ModelRequest } from '../../models/model-client.ts';
import { worstCase } from '../../models/worst-case.ts';

const REQUEST: ModelRequest = {
  model: 'one',
  instructions: 'Be brief.',
  messages: [
    { role: 'user', content: 'What is the time in 東京?' },
    {
      role: 'assistant',
      content: '',
      toolCalls: [{ callId: 'c', tool: 'clock', arguments: { city: '東京' }, malformed: null }],
    },
    { role: 'tool', callId: 'c', tool: 'clock', content: '{"time":"12:00"}' },
  ],
  tools: [{ name: 'clock', description: 'The time.', parameters: { type: 'object' } }],
  toolChoice: 'auto',
  temperature: null,
  maxOutputTokens: null,
  reasoningEffort: null,
  stream: true,
};

test('a text is estimated at a token for three bytes', () => {
  expect(['', 'a', 'abcd', '東京'].map(estimateTextTokens)).toEqual([0, 1, 2, 2]);
});

test('a request is estimated by its instructions, messages and tools, below its worst case', () => {
  const tokens = estimateInputTokens(REQUEST);
  expect(tokens).toBeGreaterThan(estimateInputTokens({ ...REQUEST, tools: [] }));
  expect(tokens).toBeGreaterThan(estimateInputTokens({ ...REQUEST, messages: [] }));
  expect(tokens).toBeLessThan(worstCase({ ...REQUEST, maxOutputTokens: 1 }, null).inputTokens);
});
