import { createRequire } from 'node:module';
import { expect, test, vi } from 'vitest';
import * as fc from 'fast-check';
import { costNanos } from '../../core/money/price.ts';
import type { ModelMessage, ModelRequest } from '../../models/model-client.ts';
import { createPriceTable, PRICE_SOURCE } from '../../models/price-table.ts';
import { worstCase } from '../../models/worst-case.ts';

const NOW = '2026-11-24T12:00:00.000Z';
const usage = (inputTokens: number, outputTokens: number, cachedTokens: number | null = null) => ({
  inputTokens,
  outputTokens,
  cachedTokens,
  reasoningTokens: null,
});

test('a model of OpenAI has the bundled price, over both APIs and under its dated name', () => {
  const { priceOf } = createPriceTable();
  const found = priceOf('openai/gpt-4o', NOW);
  expect(costNanos(found, usage(1_000_000, 100_000, 200_000))).toBe((0.8 * 2.5 + 0.2 * 1.25 + 0.1 * 10) * 1e9);
  expect(found).toMatchObject({ source: PRICE_SOURCE.name, date: PRICE_SOURCE.date, contextTokens: 128_000 });
  expect(priceOf('openai-responses/gpt-4o-2024-08-06', NOW)).toEqual(found);
});

test('a price is that of the day of the call', () => {
  const { priceOf } = createPriceTable();
  const cost = (at: string) => costNanos(priceOf('openai/o3', at), usage(1_000_000, 0));
  expect(cost('2025-06-09T23:00:00.000Z')).toBe(10e9);
  expect(cost('2025-06-11T00:00:00.000Z')).toBe(2e9);
});

test('a model that is not known, a local or scripted one, and no name at all have no price', () => {
  const { priceOf } = createPriceTable();
  for (const name of ['openai/no-such-model', 'local/gpt-4o', 'scripted/demo', 'openai/', 'gpt-4o', '']) {
    expect([name, priceOf(name, NOW)]).toEqual([name, null]);
  }
});

test('a deployment’s price goes first: the newest in force, the model’s own before its provider’s', () => {
  const { priceOf } = createPriceTable([
    { model: 'local/*', inputUsd: 0, outputUsd: 0 },
    { model: 'local/big', from: '2026-11-25', inputUsd: 9, outputUsd: 9 },
    { model: 'local/big', from: '2026-11-24', inputUsd: 2, outputUsd: 3, cachedUsd: 1 },
    { model: 'local/big', inputUsd: 1, outputUsd: 1 },
    { model: 'openai/gpt-4o', inputUsd: 7, outputUsd: 7 },
  ]);
  expect(costNanos(priceOf('local/any/name', NOW), null)).toBe(0);
  expect(priceOf('local/big', '2026-11-23T23:59:59.999Z')?.input.usd).toBe(1);
  expect(priceOf('local/big', NOW)).toMatchObject({ input: { usd: 2 }, cached: { usd: 1 }, date: '2026-11-24' });
  expect(priceOf('local/big', '2026-11-25T00:00:00.000Z')?.input.usd).toBe(9);
  expect(priceOf('openai/gpt-4o', NOW)).toMatchObject({ input: { usd: 7 }, source: 'deployment', date: null });
});

test('nothing is fetched for a price', () => {
  const fetch = vi.spyOn(globalThis, 'fetch');
  createPriceTable().priceOf('openai/gpt-5', NOW);
  expect(fetch).not.toHaveBeenCalled();
  fetch.mockRestore();
});

test('the edition that records name is the one installed', () => {
  const installed = createRequire(import.meta.url)('../../package.json') as { dependencies: Record<string, string> };
  expect(PRICE_SOURCE.name).toBe(`genai-prices ${installed.dependencies['@pydantic/genai-prices']}`);
});

function request(messages: readonly ModelMessage[], maxOutputTokens = 100) {
  const asked: ModelRequest = {
    model: 'one',
    instructions: 'Be brief.',
    messages,
    tools: [{ name: 'clock', description: 'Tells the time.', parameters: { type: 'object' } }],
    toolChoice: 'auto',
    temperature: null,
    maxOutputTokens: null,
    reasoningEffort: null,
    stream: true,
  };
  return { ...asked, maxOutputTokens };
}

test('the worst case of a request is no less than its bytes, and no more than the model takes', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 50 })), (texts) => {
      const messages = texts.map((content) => ({ role: 'user', content }) as const);
      const { inputTokens } = worstCase(request(messages), null);
      expect(inputTokens).toBeGreaterThanOrEqual(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    }),
  );
  const long = request([{ role: 'user', content: 'x'.repeat(1_000_000) }], 1_000_000);
  const price = createPriceTable().priceOf('openai/gpt-4o', NOW);
  expect(worstCase(long, price)).toEqual({ inputTokens: 128_000, outputTokens: 128_000 });
});
