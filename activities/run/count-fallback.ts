import type { AgentVersion } from '../../contracts/agent.ts';
import type { ActivityDeps } from '../shared/deps.ts';

/** Counts that a model of an agent gave no answer, or cannot be called now, so that another one is asked. */
export function countFallback(
  { telemetry }: Pick<ActivityDeps, 'telemetry'>,
  { spec }: AgentVersion,
  model: string,
  reason: string,
): void {
  telemetry.metrics.modelFallbacks.add({ agent: spec.name, model, reason });
}
