import type { DataConverter } from '@temporalio/common';
import type { WorkerOptions } from '@temporalio/worker';
import { modulePath } from '../assets/package-files.ts';

export interface Tuning {
  /** Time for running activities to finish after `stop`. Default 10,000 ms. A run that is interrupted then continues on another worker. */
  readonly shutdownGraceMs?: number | undefined;
  /** Maximum number of workflows in memory. Default 2,000. */
  readonly maxCachedWorkflows?: number | undefined;
}

/** The payload converter of workers and of their workflow bundle. */
export const PAYLOAD_CONVERTER = modulePath('workflows/tolerant-payload-converter');

/** The failure converter of the workflow bundle. */
export const FAILURE_CONVERTER = modulePath('workflows/converters/failure-converter');

/** Preloaded by a workflow bundle without stack traces. */
export const NO_STACKS = modulePath('workflows/no-stacks');

/**
 * Concurrent workflow tasks. One thread executes them, so more would wait here in the order of their arrival, instead of at
 * Temporal, where users take turns. Measured with 200 new sessions of one user: runs of that user that begin before a run of
 * another one: 40 to 400 with the SDK's default of 40, 10 to 45 with 12.
 */
const WORKFLOW_TASKS = 12;
/** Concurrent activities. They mostly wait for a model or for the next message, so many fit. */
const ACTIVITIES = 1_500;
/** Activities that serve a session may linger until this many are executing, which leaves places for those with work. */
export const SERVING_PLACES = 1_000;

/** The worker options of every Perdure worker. Benchmarks use the same ones for the worker that they compare with. */
export function workerTuning(
  { shutdownGraceMs = 10_000, maxCachedWorkflows = 2_000 }: Tuning,
  dataConverter: DataConverter = { payloadConverterPath: PAYLOAD_CONVERTER },
): Partial<WorkerOptions> {
  return {
    dataConverter,
    maxCachedWorkflows,
    shutdownGraceTime: shutdownGraceMs,
    // After a crash, tasks in the worker's sticky queue return to the task queue after this time. The SDK's default is 10 s.
    stickyQueueScheduleToStartTimeout: '2s',
    // A heartbeat delivers a cancel whose notification was lost, so every heartbeat is sent.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    maxConcurrentWorkflowTaskExecutions: WORKFLOW_TASKS,
    maxConcurrentActivityTaskExecutions: ACTIVITIES,
    maxConcurrentLocalActivityExecutions: 100,
  };
}
