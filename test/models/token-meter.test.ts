import { expect, test } from 'vitest';
import type { AgentVersion } from '../../contracts/agent.ts';
import type { TranscriptEntry } from '../../contracts/session/transcript.ts';
import { createPriceTable } from '../../models/price-table.ts';
import { TokenMeter } from '../../models/token-meter.ts';
import { encodingOf, loadTokenizer } from '../../models/tokenizer.ts';

const said = (content: string): TranscriptEntry => ({ role: 'user', runId: 'r', messageId: 'm', content });

function agent(instructions: string, tools: AgentVersion['tools']): AgentVersion {
  return { hash: '', spec: { name: 'a', instructions }, tools };
}

test.each([
  ['openai/gpt-5.4-mini', 'o200k_base'],
  ['openai-responses/o3', 'o200k_base'],
  ['openai/ft:gpt-4o-mini:acme', 'o200k_base'],
  ['openai/gpt-4-turbo', 'cl100k_base'],
  ['openai/whisper', null],
  ['local/gpt-4o', null],
])('the encoding of %s is %s', (model, encoding) => {
  expect(encodingOf(model)).toBe(encoding);
});

test('tokens of a known encoding are counted exactly, also names of special tokens, and texts without spaces', async () => {
  const count = await loadTokenizer('o200k_base');
  expect(count('hello world')).toBe(2);
  expect(count('<|endoftext|>')).toBeGreaterThan(1);
  // In pieces, of which each costs at most one token more.
  expect(count('a'.repeat(100_000))).toBeLessThanOrEqual(12_500 + 200);
});

test('estimates are corrected by what the provider of the model reports, within bounds, and others are not', async () => {
  const meter = new TokenMeter();
  const entry = said('x'.repeat(3_000));
  const before = meter.estimates('local/one').ofEntry(entry);
  meter.report('local/one', 1_000, 2_000);
  const after = meter.estimates('local/one').ofEntry(entry);
  expect(after).toBeGreaterThanOrEqual(2 * before);
  expect(meter.estimates('local/two').ofEntry(entry)).toBe(before);
  for (let n = 0; n < 50; n += 1) meter.report('local/one', 1_000, 1);
  expect(meter.estimates('local/one').ofEntry(entry)).toBeGreaterThan(before / 3);
  meter.report('local/one', 1_000, null);
  expect((await meter.counts('local/one')).isExact).toBe(false);
  expect((await meter.counts('openai/gpt-5')).ofEntry(said('hello world'))).toBe(6);
});

test('instructions, tools, schemas and notes count, and the upper bound is above every count', async () => {
  const meter = new TokenMeter();
  const tool = { name: 't', description: 'Does it.', parameters: {}, idempotent: true, timeoutMs: 1, retry: {} };
  const { ofAgent } = await meter.counts('openai/gpt-5');
  const bare = ofAgent(agent('Be brief.', []), null, []);
  expect(ofAgent(agent('Be brief.', [tool]), null, [])).toBeGreaterThan(bare);
  expect(ofAgent(agent('Be brief.', []), { type: 'object' }, [])).toBeGreaterThan(bare);
  expect(ofAgent(agent('Be brief.', []), null, ['A note.'])).toBeGreaterThan(bare);
  for (const content of ['plain words', '漢字かな', '{"a":[1,2,3]}', '😀😀', 'qwxzjk'.repeat(9)]) {
    const entry = said(content);
    expect(meter.most.ofEntry(entry)).toBeGreaterThanOrEqual((await meter.counts('openai/gpt-5')).ofEntry(entry));
  }
});

test('the window of a model is that of the deployment for it, else for its provider, else the bundled one', () => {
  const models = { 'openai/gpt-5': { contextTokens: 1_000 }, 'local/*': { contextTokens: 2_000 } };
  const { contextTokensOf } = createPriceTable([], models);
  expect(contextTokensOf('openai/gpt-5')).toBe(1_000);
  expect(contextTokensOf('local/any')).toBe(2_000);
  expect(contextTokensOf('openai/gpt-4o')).toBe(128_000);
  expect(contextTokensOf('other/any')).toBeNull();
});
