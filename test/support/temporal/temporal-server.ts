import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provideTemporalBinary, startTemporalServer, type TemporalServer } from '../../../dev-server/index.ts';
import { anyPort, LOOPBACK } from '../../../dev-server/ports.ts';
import { waitForTemporal } from '../../../dev-server/temporal-health.ts';
import { spawnTemporal, type TemporalProcess } from '../../../dev-server/temporal-process.ts';
import { settingsOf, temporalArguments, type DynamicValue } from '../../../dev-server/temporal-settings.ts';

/** Lets a young execution continue as new at once; a server waits a second by default. */
const TEST_DYNAMIC_CONFIG: Readonly<Record<string, DynamicValue>> = {
  'history.workflowIdReuseMinimalInterval': '1ms',
};

export interface TestTemporalOptions {
  /** Over the settings of tests. */
  readonly dynamicConfig?: Readonly<Record<string, DynamicValue>>;
  /** Events of history after which the server suggests to continue as new; the server's own default is 4,096. */
  readonly suggestContinueAsNewAt?: number;
  /** Folder for a database file. Default: in memory. */
  readonly dataDir?: string | null;
  readonly namespace?: string;
}

/** A Temporal CLI to start servers with. Where none is cached this takes minutes and says so on stderr. */
export async function temporalBinary(): Promise<string> {
  const { path } = await provideTemporalBinary({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  return path;
}

/** Starts a supervised server with the settings of tests; the caller stops it. For benchmarks and vitest's global setup. */
export async function startTestTemporal(options: TestTemporalOptions = {}): Promise<TemporalServer> {
  const { dataDir = null, namespace } = options;
  const dynamicConfig = dynamicConfigOf(options);
  return startTemporalServer({ binary: await temporalBinary(), dataDir, namespace, dynamicConfig });
}

/** The address of the server that the tests of the project `server` share. In memory, namespace `default`; use ids and task queues of your own. */
export async function testTemporal(): Promise<string> {
  const { inject } = await import('vitest');
  const address = inject('temporalAddress');
  if (!address) throw new Error('No shared Temporal server: put the test in test/server/ or name it *.server.test.ts.');
  return address;
}

/** A test's own server. Nothing restarts it but the test. */
export interface PrivateTemporal extends AsyncDisposable {
  readonly address: string;
  readonly pid: number;
  /** Its database file lives here and outlives {@link kill}. */
  readonly dataDir: string;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again at the same address on the same database file; resolves when it answers. */
  restart(): Promise<void>;
  /** Ends it and removes its folder, if that was made for it. */
  stop(): Promise<void>;
}

/** Starts a server on a database file of its own. `await using` stops it. */
export async function privateTemporal(options: TestTemporalOptions = {}): Promise<PrivateTemporal> {
  const binary = await temporalBinary();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'perdure-private-'));
  const settings = settingsOf({ dataDir, namespace: options.namespace, dynamicConfig: dynamicConfigOf(options) });
  const port = await anyPort();
  const address = `${LOOPBACK}:${port}`;
  const start = async (): Promise<TemporalProcess> => {
    const server = await spawnTemporal(binary, temporalArguments(settings, port, null), join(dataDir, 'temporal.log'));
    const gone = new AbortController();
    void server.exited.then(() => gone.abort());
    if (await waitForTemporal(address, settings.namespace, 30_000, gone.signal)) return server;
    await server.end();
    throw new Error(`The private Temporal server at ${address} did not get ready; see ${dataDir}/temporal.log.`);
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
