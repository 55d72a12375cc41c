import type { WorkerOptions } from '@temporalio/worker';
import { modulePath } from '../assets/package-files.ts';

export interface Tuning {
  /** Time for running activities to finish after `stop`. Default 10,000 ms. A run that is interrupted then continues on another worker. */
  readonly shutdownGraceMs?: number | undefined;
  /** Maximum number of workflows in memory. Default 2,000. */
  readonly maxCachedWorkflows?: number | undefined;
}

/** The payload converter of a worker and of its workflow bundle. */
export const PAYLOAD_CONVERTER = modulePath('workflows/tolerant-payload-converter');

/** Preloaded by a workflow bundle without stack traces. */
export const NO_STACKS = modulePath('workflows/no-stacks');

/** The worker options of every Perdure worker. Benchmarks use the same ones for the worker that they compare with. */
export function workerTuning({ shutdownGraceMs = 10_000, maxCachedWorkflows = 2_000 }: Tuning): Partial<WorkerOptions> {
  return {
    dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER },
    maxCachedWorkflows,
    shutdownGraceTime: shutdownGraceMs,
    // After a crash, tasks in the worker's sticky queue return to the task queue after this time. The SDK's default is 10 s.
    stickyQueueScheduleToStartTimeout: '2s',
    // A heartbeat delivers a cancel whose notification was lost, so every heartbeat is sent.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    // Activities mostly wait for a model, so many fit.
    maxConcurrentActivityTaskExecutions: 500,
    maxConcurrentLocalActivityExecutions: 100,
  };
}
