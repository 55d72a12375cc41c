import { makeTelemetryFilterString, Runtime, type RuntimeOptions } from '@temporalio/worker';
import { anyPort, LOOPBACK } from '../dev-server/ports.ts';
import { FailedExecutions } from './failed-executions.ts';
import { sdkLogger } from '../telemetry/sdk-logger.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

let installed: Promise<void> | undefined;
const failed = new FailedExecutions();

/**
 * Installs the Temporal SDK's runtime, once per process: forwards its log to Perdure's and, with `metrics`, merges its
 * metrics with Perdure's by way of a port on loopback. Returns the executions that the log reports as failed.
 */
export async function installRuntime(
  telemetry: Telemetry,
  { metrics }: { readonly metrics: boolean },
): Promise<FailedExecutions> {
  installed ??= install(telemetry, metrics);
  await installed;
  return failed;
}

async function install({ log, metrics }: Telemetry, withMetrics: boolean): Promise<void> {
  const logging = { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} };
  const logger = sdkLogger(log, (message, meta) => failed.observe(message, meta));
  const options: RuntimeOptions = { logger, telemetryOptions: { logging } };
  if (!withMetrics) return void Runtime.install(options);
  const bindAddress = `${LOOPBACK}:${await anyPort()}`;
  // The metric names in Temporal's documentation and dashboards.
  const prometheus = { bindAddress, countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };
  try {
    Runtime.install({ ...options, telemetryOptions: { logging, metrics: { prometheus } } });
  } catch (error) {
    log.warn('Temporal metrics are missing', { error });
    return void Runtime.install(options);
  }
  metrics.merge(async () => {
    const response = await fetch(`http://${bindAddress}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return response.text();
  });
}
