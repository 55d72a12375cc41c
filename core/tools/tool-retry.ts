import type { ToolSpec } from '../../contracts/agent.ts';
import type { ResolvedRetry } from '../policy.ts';

/** A tool's retries with nothing left open: 3 tries for an idempotent one, else 1, from half a second on. */
export function toolRetry({ idempotent, retry }: Pick<ToolSpec, 'idempotent' | 'retry'>): ResolvedRetry {
  return {
    maxAttempts: retry.maxAttempts ?? (idempotent ? 3 : 1),
    initialIntervalMs: retry.initialIntervalMs ?? 500,
    backoffCoefficient: retry.backoffCoefficient ?? 2,
    maxIntervalMs: retry.maxIntervalMs ?? 30_000,
  };
}
