import { EventCounter } from './event-counter.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { NO_TRACING, type Tracing } from './tracing.ts';

/** The telemetry of a process, shared by its worker and its gateway. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly events: EventCounter;
  readonly log: Log;
  readonly tracing: Tracing;
}

/** Defaults: warnings to standard error, metrics on scrape, no traces. */
export function createTelemetry(
  options: { readonly metrics?: Metrics; readonly log?: Log; readonly tracing?: Tracing } = {},
): Telemetry {
  const { metrics = createMetrics(), log = createLog(), tracing = NO_TRACING } = options;
  return { metrics, log, tracing, events: new EventCounter(metrics) };
}
