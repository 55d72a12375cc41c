import type { StepRecord, Usage } from '../../contracts/session/run.ts';
import type { CostSum, RunWhy, WhyCost } from '../../contracts/why.ts';
import type { ModelCallFact, RunFacts } from './run-facts.ts';

const COUNTS = ['inputTokens', 'cachedTokens', 'outputTokens', 'reasoningTokens', 'costUsd'] as const;

/** Returns the usage of each model call of a run, and the sums. The usage of a call without its own record is unknown, not zero. */
export function runCost(facts: RunFacts): RunWhy['cost'] {
  const { summaries = [], providerCalls = [], evaluations = [] } = facts;
  const calls = [
    ...facts.steps.flatMap((step) => callsOf(step, facts)),
    ...summaries.map((call): WhyCost => ({ kind: 'summary', ...costOf(call) })),
    ...evaluations.map((call): WhyCost => ({ kind: 'approval', ...costOf(call) })),
    ...providerCalls.map((call): WhyCost => ({ kind: 'context', ...costOf(call) })),
  ];
  return {
    calls,
    total: sum(calls, (value) => value),
    known: sum(calls, (value) => value ?? 0),
    unknownCalls: calls.filter(({ costUsd }) => costUsd === null).length,
  };
}

function callsOf(step: StepRecord, { run, modelCalls }: RunFacts): WhyCost[] {
  const recorded = modelCalls.filter((call) => call.step === step.step);
  if (recorded.length > 0) {
    return recorded.map(costOf);
  }
  return Array.from({ length: step.attempts }, (_, index): WhyCost => {
    const attempt = index + 1;
    const committed = step.committed && attempt === step.attempts;
    const open = !step.committed && attempt === step.attempts && run.endedAt === null;
    return {
      ...counts(committed ? step.usage : null, null),
      step: step.step,
      attempt,
      model: step.model ?? run.model,
      outcome: committed ? 'committed' : open ? 'running' : 'unknown',
      estimate: null,
    };
  });
}

function costOf({ step, attempt, model, outcome, usage, costUsd, estimate = null }: ModelCallFact): WhyCost {
  return { ...counts(usage, costUsd), step, attempt, model, outcome, estimate };
}

function counts(usage: Usage | null, costUsd: number | null): CostSum {
  const { inputTokens = null, cachedTokens = null, outputTokens = null, reasoningTokens = null } = usage ?? {};
  return { inputTokens, cachedTokens, outputTokens, reasoningTokens, costUsd };
}

function sum(calls: readonly WhyCost[], read: (value: number | null) => number | null): CostSum {
  const total: CostSum = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0, costUsd: 0 };
  for (const call of calls) {
    for (const name of COUNTS) {
      const value = read(call[name]);
      const before = total[name];
      total[name] = before === null || value === null ? null : before + value;
    }
  }
  return total;
}
