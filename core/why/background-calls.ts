import type { ContextCallRecord } from '../../contracts/capabilities/context-provider.ts';
import type { RunFacts } from './run-facts.ts';

/** The calls of context providers that began after the run had completed: its time does not contain them. */
export function backgroundCalls({
  contextCalls = [],
  run,
}: Pick<RunFacts, 'contextCalls' | 'run'>): ContextCallRecord[] {
  const { status, endedAt } = run;
  if (status !== 'completed' || endedAt === null) return [];
  return contextCalls.filter(
    ({ phase, startedAt }) => phase === 'after' && Date.parse(startedAt) >= Date.parse(endedAt),
  );
}
