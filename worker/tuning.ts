import type { WorkerOptions } from '@temporalio/worker';
import { modulePath } from '../assets/package-files.ts';

export interface Tuning {
  /** How long activities may go on after the worker is told to stop. Default 10,000 ms; a run cut then goes on elsewhere. */
  readonly shutdownGraceMs?: number | undefined;
  /** Workflows kept in memory. Default 2,000. */
  readonly maxCachedWorkflows?: number | undefined;
}

/** The payload converter of a worker and of its workflow bundle. */
export const PAYLOAD_CONVERTER = modulePath('workflows/tolerant-payload-converter');

/** Preloaded into a workflow bundle that does without stacks. */
export const NO_STACKS = modulePath('workflows/no-stacks');

/** How Perdure's workers are set, whatever they run: benchmarks compare with a worker that is set the same. */
export function workerTuning({ shutdownGraceMs = 10_000, maxCachedWorkflows = 2_000 }: Tuning): Partial<WorkerOptions> {
  return {
    dataConverter: { payloadConverterPath: PAYLOAD_CONVERTER },
    maxCachedWorkflows,
    shutdownGraceTime: shutdownGraceMs,
    // After a kill, tasks for the dead worker's sticky queue come back after this, not after ten seconds.
    stickyQueueScheduleToStartTimeout: '2s',
    // A cancel whose bell was lost is heard with the next heartbeat: send each one.
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    // Activities mostly wait for a model.
    maxConcurrentActivityTaskExecutions: 500,
    maxConcurrentLocalActivityExecutions: 100,
  };
}
