import type { ToolSpec } from '../../contracts/agent.ts';
import type { ResolvedRetry } from '../policy.ts';

/** A tool's retry policy with defaults applied: 3 attempts if it is idempotent, else 1; a first delay of 0.5 s. */
export function toolRetry({ idempotent, retry }: Pick<ToolSpec, 'idempotent' | 'retry'>): ResolvedRetry {
  return {
    maxAttempts: retry.maxAttempts ?? (idempotent ? 3 : 1),
    initialIntervalMs: retry.initialIntervalMs ?? 500,
    backoffCoefficient: retry.backoffCoefficient ?? 2,
    maxIntervalMs: retry.maxIntervalMs ?? 30_000,
  };
}
