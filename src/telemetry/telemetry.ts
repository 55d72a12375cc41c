import { EventCounter } from './event-counter.ts';
import { createMetrics, type Metrics } from './metrics.ts';

/** What a process tells of itself. One per process, shared by its worker and its gateway. */
export interface Telemetry {
  readonly metrics: Metrics;
  readonly events: EventCounter;
}

/** Telemetry that nobody reads unless they scrape it: what a part has that is given none. */
export function createTelemetry(options: { readonly metrics?: Metrics } = {}): Telemetry {
  const metrics = options.metrics ?? createMetrics();
  return { metrics, events: new EventCounter(metrics) };
}
