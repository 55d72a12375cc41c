import type { ContextPhase } from '../../contracts/capabilities/context-provider.ts';
import { attributeErrors } from '../../telemetry/uncaught-errors.ts';
import type { ActivityDeps } from '../shared/deps.ts';
import type { ListedProvider } from '../shared/listed-providers.ts';
import { attemptCall, type CallAttempt } from './attempt-call.ts';
import type { ContextRun } from './context-run.ts';

/** Makes one attempt of a call, with a span and a metric. What the provider leaves uncaught is attributed to it. */
export async function measuredAttempt(
  { telemetry: { tracing, metrics, log } }: ActivityDeps,
  { key, runId, signal }: ContextRun,
  provider: ListedProvider,
  phase: ContextPhase,
  given: Parameters<typeof attemptCall>[2],
): Promise<CallAttempt> {
  const { name } = provider.definition;
  const startedAt = performance.now();
  const attributes = { 'perdure.run.id': runId, 'perdure.attempt': given.attempt };
  const report = (error: unknown): void => {
    metrics.uncaughtErrors.add({ tool: name });
    const about = { session: key.session, run: runId, provider: name, attempt: given.attempt };
    log.error('Uncaught error of a context provider', { ...about, error });
  };
  const result = await tracing.span(`${phase}Run ${name}`, { kind: 'internal', attributes }, async (span) => {
    const attempt = await attributeErrors(report, () => attemptCall(provider, phase, given, signal));
    if (attempt.status !== 'completed') span.fail(attempt.status);
    return attempt;
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  metrics.contextSeconds.record({ provider: name, phase, outcome: result.status }, seconds);
  return result;
}
