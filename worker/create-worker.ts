import type { NativeConnection } from '@temporalio/worker';
import { openHost, type Host } from '../hosting/open-host.ts';
import type { HostOptions } from '../hosting/host-options.ts';
import { openModels, type ModelOptions } from '../hosting/open-models.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { startWorker, type RunningWorker } from './start-worker.ts';
import type { Tuning } from './tuning.ts';

export interface WorkerOptions extends HostOptions, Tuning {
  /** Temporal's server. What is left out is read from `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE` and `TEMPORAL_API_KEY`. */
  readonly temporal?: WorkerTemporal | undefined;
  /** Where model calls go: options, or a directory of clients such as those of `perdure/testing`. Default: as the environment says. */
  readonly models?: ModelOptions | ModelDirectory | undefined;
  /** Default `perdure`, which clients and gateways send to. */
  readonly taskQueue?: string | undefined;
  /** Whether this worker sets up the schedule of clean-ups. Default: on the task queue `perdure` only. */
  readonly schedules?: boolean | undefined;
}

export interface WorkerTemporal {
  /** `host:port`. Default `127.0.0.1:7233`. */
  readonly address?: string | undefined;
  /** Default `default`. */
  readonly namespace?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly tls?: boolean | undefined;
  /** A connection to use instead of address, key and TLS; stays open when the worker stops. */
  readonly connection?: NativeConnection | undefined;
}

/**
 * Opens the store, connects to Temporal and polls: resolves once the worker runs. `stop()` drains it and closes what
 * was opened here; `done` rejects if the worker fails by itself.
 * @throws {TypeError} for options that are not valid; see also `openHost`.
 */
export async function createWorker(options: WorkerOptions): Promise<RunningWorker> {
  return workOn(await openHost(options), options);
}

/** Runs a worker on an open host, and closes the host when the worker is over or does not start. */
export async function workOn(host: Host, options: Omit<WorkerOptions, keyof HostOptions>): Promise<RunningWorker> {
  const { temporal = {}, taskQueue, schedules, shutdownGraceMs, maxCachedWorkflows } = options;
  const { close, ...services } = host;
  try {
    const worker = await startWorker({
      ...services,
      models: await openModels(options.models ?? {}, host.deployment),
      connection: connectionTo(temporal),
      taskQueue,
      schedules,
      shutdownGraceMs,
      maxCachedWorkflows,
      temporalMetrics: true,
    });
    const done = worker.done.finally(close);
    done.catch(() => undefined);
    return { ...worker, done, stop: () => worker.stop().then(() => done) };
  } catch (error) {
    await close();
    throw error;
  }
}

function connectionTo({ address, namespace, apiKey, tls, connection }: WorkerTemporal, env = process.env) {
  return {
    address: address ?? (env['TEMPORAL_ADDRESS'] || '127.0.0.1:7233'),
    namespace: namespace ?? (env['TEMPORAL_NAMESPACE'] || 'default'),
    apiKey: apiKey ?? (env['TEMPORAL_API_KEY'] || undefined),
    tls,
    open: connection,
  };
}
