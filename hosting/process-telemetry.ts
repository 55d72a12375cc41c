import { createLog, type LogOptions } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { NO_TRACING, type Tracing } from '../telemetry/tracing.ts';

/** Creates the telemetry of a process, whose metrics include those of the process itself. */
export function createProcessTelemetry(log: LogOptions = {}, tracing: Tracing = NO_TRACING): Telemetry {
  const { traceId } = tracing;
  return createTelemetry({
    metrics: createMetrics({ process: true, traceId }),
    log: createLog({ ...log, traceId }),
    tracing,
  });
}

let shared: Telemetry | undefined;

/** Returns the telemetry that all workers and gateways of this process share. The first call creates it. */
export function sharedTelemetry(log: LogOptions | undefined): Telemetry {
  return (shared ??= createProcessTelemetry(log));
}
