import type { Policy } from '../contracts/agent.ts';
import type { WhileRunning } from '../contracts/message.ts';
import { LIMITS } from '../contracts/limits.ts';

/** A policy with nothing left open. */
export interface ResolvedPolicy {
  readonly whileRunning: WhileRunning;
  readonly runTimeoutMs: number;
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
  runTimeoutMs: LIMITS.runMs.value,
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
};

/** Each setting from the nearest that has it. `layers` are given the farthest first: deployment, agent, session; behind them all is the default. */
export function resolvePolicy(...layers: readonly (Policy | undefined)[]): ResolvedPolicy {
  return layers.reduce<ResolvedPolicy>((farther, nearer = {}) => {
    const { retry = {}, ...rest } = nearer;
    return { ...farther, ...defined(rest), retry: { ...farther.retry, ...defined(retry) } };
  }, DEFAULTS);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function defined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}
