import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import type { HostOptions } from './host-options.ts';

let telemetry: Telemetry | undefined;

/** The metrics and the log of this process, which all workers and gateways in it share. Created by the first. */
export function processTelemetry(log: HostOptions['log']): Telemetry {
  return (telemetry ??= createTelemetry({ metrics: createMetrics({ process: true }), log: createLog(log) }));
}
