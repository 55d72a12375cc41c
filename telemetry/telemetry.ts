import { EventCounter } from './event-counter.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { NO_TRACING, type Tracing } from './tracing.ts';

/** What a process tells of itself. One per process, shared by its worker and its gateway. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly events: EventCounter;
  readonly log: Log;
  readonly tracing: Tracing;
}

/** By default warnings go to standard error, metrics to whoever scrapes them, and spans nowhere. */
export function createTelemetry(
  options: { readonly metrics?: Metrics; readonly log?: Log; readonly tracing?: Tracing } = {},
): Telemetry {
  const { metrics = createMetrics(), log = createLog(), tracing = NO_TRACING } = options;
  return { metrics, log, tracing, events: new EventCounter(metrics) };
}
