import type { ResolvedRetry } from './policy.ts';

/**
 * How long to wait after the `attempt`th try failed (1 for the first): exponential, at most
 * `maxIntervalMs`, and never shorter than the delay that the provider requires.
 */
export function backoffMs(retry: ResolvedRetry, attempt: number, retryAfterMs: number | null = null): number {
  const exponential = retry.initialIntervalMs * retry.backoffCoefficient ** Math.max(0, attempt - 1);
  return Math.max(Math.min(exponential, retry.maxIntervalMs), retryAfterMs ?? 0);
}
