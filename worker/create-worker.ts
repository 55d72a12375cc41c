import type { NativeConnection } from '@temporalio/worker';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHost, type HostDeps } from '../hosting/open-host.ts';
import { openModels, type ModelOptions } from '../hosting/open-models.ts';
import type { ConnectionOptions } from '../client/temporal/connection-options.ts';
import { connectionSettings } from '../client/temporal/connection-settings.ts';
import { unkeptHistory } from '../hosting/unkept-history.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { serveHealth, type HealthServer } from '../telemetry/health-server.ts';
import { catchUncaughtErrors, endAsNodeDoes } from '../telemetry/uncaught-errors.ts';
import { startWorker, type RunningWorker } from './start-worker.ts';
import type { Tuning } from './tuning.ts';
import { versioningOf, type WorkerVersioning } from './versioning/worker-versioning.ts';

export interface WorkerOptions extends HostOptions, Tuning {
  /** The Temporal server. Each field that is missing comes from the variables `TEMPORAL_…`, or from the profile that they name. */
  readonly temporal?: WorkerTemporal | undefined;
  /** Model settings, or a directory of model clients such as those of `perdure/testing`. Default: the environment variables. */
  readonly models?: ModelOptions | ModelDirectory | undefined;
  /** Temporal's worker versioning. Default: `PERDURE_BUILD_ID` and `PERDURE_DEPLOYMENT`, else off. */
  readonly versioning?: WorkerVersioning | undefined;
  /** Default `perdure`, which is also the default of clients and gateways. */
  readonly taskQueue?: string | undefined;
  /** Whether to schedule clean-ups. Default: only on the task queue `perdure`. */
  readonly schedules?: boolean | undefined;
  /** Serves `/healthz`, `/readyz` and `/metrics`. Default: nothing is served. */
  readonly health?: HealthAddress | undefined;
  /**
   * Whether the process continues when a tool leaves an error uncaught, such as a rejected promise that it does not await; the
   * error is logged and counted. Errors of other code end the process as before, unless the program listens for them. Default true.
   */
  readonly catchToolErrors?: boolean | undefined;
}

export interface HealthAddress {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** 0: any free port. A port in use is an error. */
  readonly port: number;
  /** Bearer token that `/metrics` requires. Default: none. */
  readonly metricsToken?: string | undefined;
}

/** A worker that was started by {@link createWorker}. */
export interface CreatedWorker extends RunningWorker {
  /** Where health and metrics are served; null without the option `health`. */
  readonly healthUrl: string | null;
}

export interface WorkerTemporal extends ConnectionOptions {
  /** An open connection, used instead of `address`, `apiKey`, `tls` and `metadata`. It stays open when the worker stops. */
  readonly connection?: NativeConnection | undefined;
}

/**
 * Opens the store, connects to Temporal and starts a worker. Resolves when the worker polls. Its `stop()` waits for running
 * activities, at most for the grace time, and closes what this function has opened. `done` rejects if the worker fails.
 * @throws {TypeError} for invalid options; see also `openHost`.
 */
export async function createWorker(options: WorkerOptions): Promise<CreatedWorker> {
  const { models = {}, temporal = {}, taskQueue, schedules, shutdownGraceMs, maxCachedWorkflows, health } = options;
  const { close: closeHost, ...deps } = await openHost(options);
  let healthServer: HealthServer | undefined;
  const close = async (): Promise<void> => {
    await healthServer?.close();
    await closeHost();
  };
  const start = async (): Promise<RunningWorker> => {
    const directory = await openModels(models, deps.deployment);
    const problem = unkeptHistory(deps.agents, directory);
    if (problem !== null) throw new TypeError(problem);
    return await startWorker({
      ...deps,
      models: directory,
      connection: { ...connectionSettings(temporal), open: temporal.connection },
      taskQueue,
      schedules,
      shutdownGraceMs,
      maxCachedWorkflows,
      payloadCodecs: options.payloadCodecs,
      versioning: options.versioning ?? versioningOf(process.env),
      temporalMetrics: true,
    });
  };
  const worker = await start().catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const catching = (options.catchToolErrors ?? true) ? catchUncaughtErrors(endAsNodeDoes) : null;
  const done = worker.done.finally(close).finally(() => catching?.[Symbol.dispose]());
  done.catch(() => undefined);
  const stop = (): Promise<void> => worker.stop().then(() => done);
  try {
    healthServer = health && (await serveWorkerHealth(health, deps, worker));
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...worker, done, stop, healthUrl: healthServer?.url ?? null };
}

function serveWorkerHealth(
  { host = '127.0.0.1', port, metricsToken }: HealthAddress,
  { db, live, redis, telemetry }: HostDeps,
  worker: RunningWorker,
): Promise<HealthServer> {
  return serveHealth({
    host,
    port,
    orNextPort: false,
    metrics: telemetry.metrics,
    metricsToken,
    parts: {
      store: () => db.query('SELECT 1').then(() => true),
      temporal: () => worker.ready(),
      live: () => live.ready(),
    },
    details: () => ({ redis: redis?.isUsed ?? null }),
  });
}
