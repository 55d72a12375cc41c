import { LRUCache } from 'lru-cache';
import { calcPrice, type ModelPrice, type TieredPrices } from '@pydantic/genai-prices';
import type { ModelFacts, PriceOverride } from '../contracts/deployment.ts';
import type { Price, Rate } from '../core/money/price.ts';
import { providerOf } from '../core/providers/provider-of.ts';

/** The bundled price list and its date of publication. Prices are not fetched at run time. */
export const PRICE_SOURCE = { name: 'genai-prices 0.1.8', date: '2026-09-23' } as const;

/** Provider names in the price list. Other providers have a price only by an override. */
const PROVIDERS: Readonly<Record<string, string>> = { openai: 'openai', 'openai-responses': 'openai' };

/** Models whose window is remembered. */
const MODELS = 1_000;

/** The prices and context windows of models. */
export interface PriceTable {
  /** The price of `provider/model` at a time (ISO 8601); null when unknown. */
  readonly priceOf: (model: string, at: string) => Price | null;
  /** The context window of `provider/model` in tokens; null when unknown. */
  readonly contextTokensOf: (model: string) => number | null;
}

/** Creates a table of the bundled prices and windows, with a deployment's own taking precedence. */
export function createPriceTable(
  overrides: readonly PriceOverride[] = [],
  models: Readonly<Record<string, ModelFacts>> = {},
): PriceTable {
  const windows = new LRUCache<string, { readonly tokens: number | null }>({ max: MODELS });
  return {
    priceOf: (model, at) => overridden(overrides, model, at) ?? bundled(model, at),
    contextTokensOf: (model) => {
      const known = windows.get(model) ?? { tokens: contextTokensOf(models, model) };
      windows.set(model, known);
      return known.tokens;
    },
  };
}

/** The deployment's window of the model, else of all models of its provider, else the bundled one. */
function contextTokensOf(models: Readonly<Record<string, ModelFacts>>, model: string): number | null {
  const ofProvider = models[`${providerOf(model)}/*`];
  const { contextTokens } = { ...ofProvider, ...models[model] };
  return contextTokens ?? bundled(model, new Date().toISOString())?.contextTokens ?? null;
}

/** The newest override in force. One for the model takes precedence over one for its provider. */
function overridden(overrides: readonly PriceOverride[], model: string, at: string): Price | null {
  const provider = model.slice(0, model.indexOf('/'));
  const day = at.slice(0, 10);
  const inForce = overrides
    .filter(({ from }) => from === undefined || from <= day)
    .toSorted((a, b) => (b.from ?? '').localeCompare(a.from ?? ''));
  const found =
    inForce.find((one) => one.model === model) ?? inForce.find((one) => one.model === `${provider}/*`) ?? null;
  if (!found) return null;
  const { inputUsd, outputUsd, cachedUsd, reasoningUsd, from = null } = found;
  return {
    input: flat(inputUsd),
    output: flat(outputUsd),
    cached: cachedUsd === undefined ? null : flat(cachedUsd),
    reasoning: reasoningUsd === undefined ? null : flat(reasoningUsd),
    requestUsd: 0,
    contextTokens: null,
    source: 'deployment',
    date: from,
  };
}

function bundled(model: string, at: string): Price | null {
  const slash = model.indexOf('/');
  const providerId = PROVIDERS[model.slice(0, slash)];
  if (providerId === undefined) return null;
  const timestamp = new Date(at);
  const found = calcPrice({ input_tokens: 0, output_tokens: 0 }, model.slice(slash + 1), { providerId, timestamp });
  if (!found) return null;
  const { model_price: prices } = found;
  const input = rateOf(prices['input_mtok']);
  // An embedding model has no output.
  const output = rateOf(prices['output_mtok']) ?? (/embedding/i.test(model) ? flat(0) : null);
  if (!input || !output) return null;
  return {
    input,
    output,
    cached: rateOf(prices['cache_read_mtok']),
    reasoning: rateOf(prices['output_reasoning_mtok']),
    requestUsd: (rateOf(prices['requests_kcount'])?.usd ?? 0) / 1_000,
    contextTokens: found.model.context_window ?? null,
    source: PRICE_SOURCE.name,
    date: PRICE_SOURCE.date,
  };
}

function flat(usd: number): Rate {
  return { usd, tiers: [] };
}

function rateOf(price: ModelPrice[string]): Rate | null {
  if (price === undefined) return null;
  if (typeof price === 'number') return flat(price);
  const { base, tiers }: TieredPrices = price;
  return { usd: base, tiers: tiers.map(({ start, price: usd }) => ({ aboveInputTokens: start, usd })) };
}
