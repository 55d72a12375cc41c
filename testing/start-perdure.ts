import { assistant } from '../agents/index.ts';
import { createPerdure, type Perdure } from '../client/index.ts';
import { provideTemporalBinary, startTemporalServer } from '../dev-server/index.ts';
import { gatewayOn } from '../gateway/open-gateway.ts';
import { serveGateway } from '../gateway/serve-gateway.ts';
import type { HostOptions } from '../hosting/host-options.ts';
import { openHost } from '../hosting/open-host.ts';
import { openMemoryStore } from '../hosting/open-store-of-host.ts';
import type { ModelDirectory } from '../models/model-client.ts';
import { workOn } from '../worker/create-worker.ts';
import { functionModels, type FunctionModel } from './function-models.ts';

export interface TestOptions {
  /** A function called for each model call, or a directory such as `scriptedModels(…)`. */
  readonly model: FunctionModel | ModelDirectory;
  /** Agents made by `defineAgent`, or the path of a folder. Default: the built-in `assistant`. */
  readonly agents?: HostOptions['agents'] | undefined;
  readonly deployment?: HostOptions['deployment'];
  /** Whose sessions the client means. Default `local`. */
  readonly user?: string | undefined;
  /** Called with a line where a Temporal server must first be downloaded or built. Default: to standard error. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** A whole Perdure in this process, in memory. */
export interface TestPerdure extends AsyncDisposable {
  /** A client of it. */
  readonly perdure: Perdure;
  /** The gateway's. */
  readonly url: string;
  /** `host:port` of its Temporal server, whose namespace is `default`. */
  readonly temporalAddress: string;
  /** Stops everything; what was stored is forgotten. `await using` does the same. */
  close(): Promise<void>;
}

/**
 * Starts a Temporal server, a worker and a gateway on free ports, with a store in memory: for tests of agents and of
 * backends. Takes seconds: start one for a file of tests, and use sessions of different ids.
 * @throws {PerdureError} `temporal_unavailable` when no Temporal server can be found or made; the message names the remedy.
 */
export async function startPerdure(options: TestOptions): Promise<TestPerdure> {
  const { model, agents = [assistant], deployment, user, onProgress = toStandardError } = options;
  await using stack = new AsyncDisposableStack();
  const { path } = await provideTemporalBinary({ onProgress });
  const server = stack.adopt(await startTemporalServer({ binary: path, dataDir: null }), (it) => it.stop());
  const temporal = { address: server.address, namespace: 'default' };
  const store = stack.adopt(await openMemoryStore(), (it) => it.close());
  // The store outlives the worker and the gateway, which would each close it.
  const host = await openHost({ agents, deployment }, { ...store, close: async () => undefined });
  const models = typeof model === 'function' ? functionModels(model) : model;
  stack.adopt(await workOn(host, { temporal, models, schedules: false, shutdownGraceMs: 1_000 }), (it) => it.stop());
  const gateway = await gatewayOn(host, { temporal });
  const served = stack.adopt(await serveGateway({ gateway, port: 0 }), (it) => it.close());
  const perdure = createPerdure({ temporal, gateway: served.url, ...(user === undefined ? {} : { user }) });
  stack.adopt(perdure, (it) => it.close());
  const all = stack.move();
  const close = (): Promise<void> => all.disposeAsync();
  return { perdure, url: served.url, temporalAddress: server.address, close, [Symbol.asyncDispose]: close };
}

function toStandardError(line: string): void {
  process.stderr.write(`${line}\n`);
}
