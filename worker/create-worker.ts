import type { NativeConnection } from '@temporalio/worker';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHost } from '../hosting/open-host.ts';
import { openModels, type ModelOptions } from '../hosting/open-models.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { startWorker, type RunningWorker, type WorkerSettings } from './start-worker.ts';
import type { Tuning } from './tuning.ts';

export interface WorkerOptions extends HostOptions, Tuning {
  /** The Temporal server. Defaults: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE` and `TEMPORAL_API_KEY`. */
  readonly temporal?: WorkerTemporal | undefined;
  /** Model settings, or a directory of model clients such as those of `perdure/testing`. Default: the environment variables. */
  readonly models?: ModelOptions | ModelDirectory | undefined;
  /** Default `perdure`, which is also the default of clients and gateways. */
  readonly taskQueue?: string | undefined;
  /** Whether to schedule clean-ups. Default: only on the task queue `perdure`. */
  readonly schedules?: boolean | undefined;
}

export interface WorkerTemporal {
  /** `host:port`. Default: `TEMPORAL_ADDRESS`, otherwise `127.0.0.1:7233`. */
  readonly address?: string | undefined;
  /** Default: `TEMPORAL_NAMESPACE`, otherwise `default`. */
  readonly namespace?: string | undefined;
  /** Default: `TEMPORAL_API_KEY`. */
  readonly apiKey?: string | undefined;
  readonly tls?: boolean | undefined;
  /** An open connection, used instead of `address`, `apiKey` and `tls`. It stays open when the worker stops. */
  readonly connection?: NativeConnection | undefined;
}

/**
 * Opens the store, connects to Temporal and starts a worker. Resolves when the worker polls. Its `stop()` waits for running
 * activities, at most for the grace time, and closes what this function has opened. `done` rejects if the worker fails.
 * @throws {TypeError} for invalid options; see also `openHost`.
 */
export async function createWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { models = {}, temporal = {}, taskQueue, schedules, shutdownGraceMs, maxCachedWorkflows } = options;
  const { close, ...deps } = await openHost(options);
  try {
    const worker = await startWorker({
      ...deps,
      models: await openModels(models, deps.deployment),
      connection: connectionOf(temporal),
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

function connectionOf(
  { address, namespace, apiKey, tls, connection }: WorkerTemporal,
  env: NodeJS.ProcessEnv = process.env,
): WorkerSettings['connection'] {
  return {
    address: address ?? (env['TEMPORAL_ADDRESS'] || '127.0.0.1:7233'),
    namespace: namespace ?? (env['TEMPORAL_NAMESPACE'] || 'default'),
    apiKey: apiKey ?? (env['TEMPORAL_API_KEY'] || undefined),
    tls,
    open: connection,
  };
}
