import type { AgentSpec, Policy } from '../contracts/agent.ts';
import type { RunBudget } from '../contracts/budget.ts';
import type { WhileRunning } from '../contracts/session/message.ts';
import { LIMITS } from '../contracts/limits.ts';
import { omitUndefined } from './omit-undefined.ts';

/** A policy with nothing left open. */
export interface ResolvedPolicy {
  readonly whileRunning: WhileRunning;
  readonly whileWaiting: 'queue' | 'proceed';
  readonly runTimeoutMs: number;
  readonly modelSilenceMs: number;
  readonly maxSteps: number;
  readonly stepsPerActivity: number;
  readonly contextRuns: number;
  readonly retry: ResolvedRetry;
  readonly whenProviderDown: 'wait' | 'fail';
  readonly maxWaitMs: number;
  readonly failSessionOnRunFailure: boolean;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly retentionMs: number;
  readonly archive: boolean;
  readonly archiveOverMessages: number;
  readonly budget: RunBudget;
}

export interface ResolvedRetry {
  readonly maxAttempts: number;
  readonly initialIntervalMs: number;
  readonly backoffCoefficient: number;
  readonly maxIntervalMs: number;
}

const MODEL_RETRY: ResolvedRetry = {
  maxAttempts: 6,
  initialIntervalMs: 1_000,
  backoffCoefficient: 2,
  maxIntervalMs: 60_000,
};

const DAY_MS = 24 * 3_600_000;

const DEFAULTS: ResolvedPolicy = {
  whileRunning: 'enqueue',
  whileWaiting: 'queue',
  runTimeoutMs: LIMITS.runMs.value,
  modelSilenceMs: LIMITS.modelSilenceMs.value,
  maxSteps: 20,
  stepsPerActivity: Number.POSITIVE_INFINITY,
  contextRuns: LIMITS.contextRuns.value,
  retry: MODEL_RETRY,
  whenProviderDown: 'wait',
  maxWaitMs: LIMITS.providerWaitMs.value,
  failSessionOnRunFailure: false,
  idleTimeoutMs: 7 * DAY_MS,
  maxAgeMs: 30 * DAY_MS,
  retentionMs: 30 * DAY_MS,
  archive: true,
  archiveOverMessages: 5,
  budget: {},
};

/**
 * The most earlier runs that the store gives to a model call. For an agent with a window in tokens the default is the largest number, because
 * that window bounds the context.
 */
export function contextRunsOf(
  { history, window }: Pick<AgentSpec, 'history' | 'window'>,
  ...layers: readonly (Policy | undefined)[]
): number {
  const isElsewhere = history === false || (typeof history === 'object' && history.load !== false);
  if (isElsewhere) return 0;
  const byDefault = window ? LIMITS.maxContextRuns.value : DEFAULTS.contextRuns;
  return layers.reduce((farther, nearer) => nearer?.contextRuns ?? farther, byDefault);
}

/** Each setting from the nearest that has it. `layers` are given the farthest first: deployment, agent, session; behind them all is the default. */
export function resolvePolicy(...layers: readonly (Policy | undefined)[]): ResolvedPolicy {
  return layers.reduce<ResolvedPolicy>((farther, nearer = {}) => {
    const { retry = {}, budget = {}, ...rest } = nearer;
    return {
      ...farther,
      ...omitUndefined(rest),
      retry: { ...farther.retry, ...omitUndefined(retry) },
      budget: { ...farther.budget, ...omitUndefined(budget) },
    };
  }, DEFAULTS);
}
