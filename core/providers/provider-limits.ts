import type { ProviderSettings } from '../../contracts/provider.ts';

/** A provider's settings with defaults applied. Null: not limited. */
export interface ProviderLimits {
  readonly concurrency: number | null;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly circuit: { readonly failures: number; readonly openMs: number };
}

export function providerLimits(settings: ProviderSettings = {}): ProviderLimits {
  const { concurrency = null, requestsPerMinute = null, tokensPerMinute = null, circuit = {} } = settings;
  const { failures = 5, openMs = 60_000 } = circuit;
  return { concurrency, requestsPerMinute, tokensPerMinute, circuit: { failures, openMs } };
}

/** Whether the provider's calls are counted even while it is healthy. */
export function hasRateLimits({ concurrency, requestsPerMinute, tokensPerMinute }: ProviderLimits): boolean {
  return concurrency !== null || requestsPerMinute !== null || tokensPerMinute !== null;
}
