import { EventCounter } from './event-counter.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';

/** What a process tells of itself. One per process, shared by its worker and its gateway. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly events: EventCounter;
  readonly log: Log;
}

/** By default warnings go to standard error, and metrics to whoever scrapes them. */
export function createTelemetry(options: { readonly metrics?: Metrics; readonly log?: Log } = {}): Telemetry {
  const { metrics = createMetrics(), log = createLog() } = options;
  return { metrics, log, events: new EventCounter(metrics) };
}
