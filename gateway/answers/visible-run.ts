import type { RunDetail } from '../../contracts/session/run.ts';

/** A run as a caller may see it: how providers described errors is for operators, since it may name accounts and limits. */
export function visibleRun(run: RunDetail, isOperator: boolean): RunDetail {
  if (isOperator) return run;
  return { ...run, modelCalls: run.modelCalls.map((call) => ({ ...call, providerMessage: null })) };
}
