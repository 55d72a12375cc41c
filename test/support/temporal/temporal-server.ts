import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideTemporalBinary, startTemporalServer, type TemporalServer } from '../../../dev-server/index.ts';
import { anyPort, LOOPBACK } from '../../../dev-server/ports.ts';
import { waitForTemporal } from '../../../dev-server/temporal-health.ts';
import { spawnTemporal, type TemporalProcess } from '../../../dev-server/temporal-process.ts';
import { settingsOf, temporalArguments, type DynamicValue } from '../../../dev-server/temporal-settings.ts';

/** Allows an execution to continue as new immediately. The server's default is a delay of one second. */
const TEST_DYNAMIC_CONFIG: Readonly<Record<string, DynamicValue>> = {
  'history.workflowIdReuseMinimalInterval': '1ms',
};

export interface TestTemporalOptions {
  /** Overrides the settings of tests. */
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>>;
  /** Number of history events from which the server suggests continue-as-new. The server's default is 4,096. */
  readonly suggestContinueAsNewAt?: number;
  /** Folder of the database file. Default: in memory. */
  readonly dataDir?: string | null;
  readonly namespace?: string;
}

/** Path of a Temporal CLI that starts servers. Without a cached one this takes minutes and reports progress on stderr. */
export async function temporalBinary(): Promise<string> {
  const { path } = await provideTemporalBinary({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  return path;
}

/** Starts a supervised server with the settings of tests, for benchmarks and vitest's global setup. The caller stops it. */
export async function startTestTemporal(options: TestTemporalOptions = {}): Promise<TemporalServer> {
  const { dataDir = null, namespace } = options;
  const dynamicConfig = dynamicConfigOf(options);
  return startTemporalServer({ binary: await temporalBinary(), dataDir, namespace, dynamicConfig });
}

/** Address of the server that all tests of the project `server` share: in memory, namespace `default`. Use unique ids and task queues. */
export async function testTemporal(): Promise<string> {
  const { inject } = await import('vitest');
  const address = inject('temporalAddress');
  if (!address) throw new Error('No shared Temporal server: put the test in test/server/ or name it *.server.test.ts.');
  return address;
}

/** A server of one test. Only the test restarts it. */
export interface PrivateTemporal extends AsyncDisposable {
  readonly address: string;
  readonly pid: number;
  /** Folder of its database file, which outlives {@link kill}. */
  readonly dataDir: string;
  /** Sends SIGKILL; resolves when the process has exited. */
  kill(): Promise<void>;
  /** Starts it again at the same address with the same database file; resolves when it is ready. */
  restart(): Promise<void>;
  /** Like {@link restart}, with an empty database that has only the namespace `default` and none of Perdure's search attributes. */
  restartEmpty(): Promise<void>;
  /** Stops it and removes its folder, unless the caller has given it. */
  stop(): Promise<void>;
}

/** Starts a server with its own database file. `await using` stops it. */
export async function privateTemporal(options: TestTemporalOptions = {}): Promise<PrivateTemporal> {
  const binary = await temporalBinary();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'perdure-private-'));
  const settings = settingsOf({ dataDir, namespace: options.namespace, dynamicConfig: dynamicConfigOf(options) });
  const port = await anyPort();
  const address = `${LOOPBACK}:${port}`;
  const start = async (
    args = temporalArguments(settings, port, null),
    namespace = settings.namespace,
  ): Promise<TemporalProcess> => {
    const server = await spawnTemporal(binary, args, join(dataDir, 'temporal.log'), dataDir);
    const exited = new AbortController();
    void server.exited.then(() => exited.abort());
    if (await waitForTemporal(address, namespace, 30_000, exited.signal)) return server;
    await server.end();
    throw new Error(`The private Temporal server at ${address} did not become ready; see ${dataDir}/temporal.log.`);
  };
  let server = await start();
  const stop = async (): Promise<void> => {
    await server.end();
    if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
  };
  return {
    address,
    dataDir,
    get pid() {
      return server.identity.pid;
    },
    async kill() {
      process.kill(server.identity.pid, 'SIGKILL');
      await server.exited;
    },
    async restart() {
      server = await start();
    },
    async restartEmpty() {
      for (const name of readdirSync(dataDir).filter((file) => file.startsWith('temporal.db'))) {
        rmSync(join(dataDir, name));
      }
      const bare = temporalArguments({ ...settings, namespace: 'default' }, port, null);
      server = await start(bare.slice(0, bare.indexOf('--search-attribute')), 'default');
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function dynamicConfigOf(options: TestTemporalOptions): Record<string, DynamicValue> {
  const { suggestContinueAsNewAt } = options;
  return {
    ...TEST_DYNAMIC_CONFIG,
    ...(suggestContinueAsNewAt !== undefined && {
      'limit.historyCount.suggestContinueAsNew': suggestContinueAsNewAt,
    }),
    ...options.dynamicConfig,
  };
}
