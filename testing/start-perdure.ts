import { assistant } from '../agents/index.ts';
import { createPerdure, type Perdure } from '../client/index.ts';
import { lazyClient } from '../client/temporal/temporal-connection.ts';
import { startEmbedded } from '../dev-server/index.ts';
import { createConnectedGateway } from '../gateway/create-connected-gateway.ts';
import { serveGateway } from '../gateway/serve-gateway.ts';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHostStore } from '../hosting/open-host-store.ts';
import { loadHostOptions } from '../hosting/open-host.ts';
import { openMemories } from '../hosting/open-memories.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { startWorker } from '../worker/start-worker.ts';
import { functionModels, type FunctionModel } from './function-models.ts';

export interface TestOptions {
  /** A function that is called for every model call, or a directory such as `scriptedModels(…)`. */
  readonly model: FunctionModel | ModelDirectory;
  /** Agents created by `defineAgent`, or the path of a folder. Default: the built-in `assistant`. */
  readonly agents?: HostOptions['agents'] | undefined;
  readonly deployment?: HostOptions['deployment'];
  /** The user of the client's sessions. Default `local`. */
  readonly user?: string | undefined;
  /** Called with progress lines while a Temporal server is downloaded or built. Default: writes them to standard error. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** A complete Perdure in this process, with its data in memory. */
export interface TestPerdure extends AsyncDisposable {
  /** A client of it. */
  readonly perdure: Perdure;
  /** URL of the gateway. */
  readonly url: string;
  /** `host:port` of the Temporal server. The namespace is `default`. */
  readonly temporalAddress: string;
  /** Stops everything and discards the data. `await using` calls it too. */
  close(): Promise<void>;
}

/**
 * Starts a Temporal server, a worker and a gateway on free ports, with an in-memory store, to test agents and backends.
 * The start takes seconds: share one per test file, and use a different session id in each test.
 * @throws {PerdureError} `temporal_unavailable` when no Temporal server is found or can be built; the message names the remedy.
 */
export async function startPerdure(options: TestOptions): Promise<TestPerdure> {
  const { model, agents = [assistant], deployment, user, onProgress = writeToStandardError } = options;
  await using stack = new AsyncDisposableStack();
  const loaded = await loadHostOptions({ agents, deployment });
  const server = stack.adopt(await startEmbedded({ dataDir: null, ports: { temporal: 0 }, onProgress }), (it) =>
    it.stop(),
  );
  // Complete: nothing of it comes from the environment.
  const temporal = { address: server.address, namespace: 'default', tls: false };
  const client = stack.adopt(lazyClient(temporal, undefined, {}), (it) => it.close()).get();
  const { db, live } = stack.adopt(await openHostStore({}), (it) => it.close());
  const memories = openMemories(db, loaded.deployment, loaded.telemetry);
  const deps = { ...loaded, db, live, memories };
  const models = typeof model === 'function' ? functionModels(model) : model;
  const worker = await startWorker({
    ...deps,
    models,
    connection: temporal,
    schedules: false,
    shutdownGraceMs: 1_000,
    temporalMetrics: true,
  });
  stack.adopt(worker, (it) => it.stop());
  const gateway = stack.adopt(await createConnectedGateway(deps, { client, defaultModel: models.defaultModel }), (it) =>
    it.close(),
  );
  const served = stack.adopt(await serveGateway({ gateway, port: 0 }), (it) => it.close());
  const perdure = createPerdure({ temporal: { client }, gateway: served.url, ...(user === undefined ? {} : { user }) });
  stack.adopt(perdure, (it) => it.close());
  const all = stack.move();
  const close = (): Promise<void> => all.disposeAsync();
  return { perdure, url: served.url, temporalAddress: server.address, close, [Symbol.asyncDispose]: close };
}

function writeToStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
