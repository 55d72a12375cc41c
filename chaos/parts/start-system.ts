import { mkdirSync, mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processTree } from '../../bench/end-to-end/observe/processes.ts';
import { anyPort } from '../../dev-server/ports.ts';
import type { Effect } from '../../test/support/process/process-agents/agents.ts';
import { startTcpProxy, type TcpProxy } from '../../test/support/process/start-tcp-proxy.ts';
import { HAS_REDIS, startRedis, type RedisServer } from '../../test/support/redis/redis-server.ts';
import { startPostgres, type PostgresServer } from '../../test/support/store/postgres-server.ts';
import { privateTemporal, type PrivateTemporal } from '../../test/support/temporal/temporal-server.ts';
import type { Fault, Part } from './part.ts';
import { Program } from './program.ts';

const AGENTS = fileURLToPath(new URL('../../test/support/process/process-agents', import.meta.url));
const INHERITED = ['PATH', 'HOME', 'XDG_CACHE_HOME', 'PERDURE_CACHE', 'PERDURE_TEMPORAL_BIN'];

/** Two workers and two gateways, a PostgreSQL server that keeps what it acknowledges, a Temporal server, and a Redis if one is installed. */
export interface System extends AsyncDisposable {
  /** Base URLs of the gateways. */
  readonly gateways: readonly string[];
  readonly workers: readonly Program[];
  /** Every process of Perdure. */
  readonly programs: readonly Program[];
  readonly parts: readonly Part[];
  readonly temporal: PrivateTemporal;
  readonly postgres: PostgresServer;
  /** Connects every process to another PostgreSQL server, which is stopped with the system. */
  replacePostgres(server: PostgresServer): void;
  /** The effects that tools had. */
  effects(): Effect[];
  /** Keeps the logs, and returns their folder. */
  keep(): string;
}

export async function startSystem(): Promise<System> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'perdure-chaos-'));
  let isKept = false;
  stack.defer(() => {
    if (!isKept) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const temporalFolder = join(folder, 'temporal');
  mkdirSync(temporalFolder);
  const temporal = stack.use(await privateTemporal({ dataDir: temporalFolder }));
  const postgres = await startPostgres({ durable: true });
  stack.defer(() => postgres.stop());
  const redis = HAS_REDIS ? await startRedis() : null;
  stack.defer(() => redis?.stop());
  const effects = join(folder, 'effects.jsonl');
  const database = new URL(postgres.url);

  const started = await Promise.all(
    (['worker', 'worker', 'gateway', 'gateway'] as const).map(async (what, index) => {
      const [store, server] = await Promise.all([startTcpProxy(database.host), startTcpProxy(temporal.address)]);
      stack.defer(() => store.close());
      stack.defer(() => server.close());
      const hot = redis && (await startTcpProxy(new URL(redis.url).host));
      stack.defer(() => hot?.close());
      const port = await anyPort();
      const through = new URL(database);
      through.host = store.address;
      const env = {
        ...Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
        PERDURE_AGENTS: AGENTS,
        PERDURE_MODEL: 'scripted/demo',
        PERDURE_TEST_EFFECTS: effects,
        PERDURE_PORT: String(port),
        PERDURE_METRICS_PORT: 'off',
        DATABASE_URL: String(through),
        TEMPORAL_ADDRESS: server.address,
        ...(hot && { REDIS_URL: `redis://${hot.address}` }),
      };
      const program = new Program(what, (index % 2) + 1, env, folder);
      return { what, program, store, server, hot, url: `http://127.0.0.1:${port}` };
    }),
  );
  // The first migrates; all at once would, too.
  await Promise.all(started.map(({ program }) => program.start()));
  stack.defer(async () => {
    for (const { program } of started) program.thaw();
    await Promise.all(started.map(({ program }) => program.kill()));
  });

  const owned = stack.move();
  const only = (wanted: 'worker' | 'gateway') => started.filter(({ what }) => what === wanted);
  return {
    gateways: only('gateway').map(({ url }) => url),
    workers: only('worker').map(({ program }) => program),
    programs: started.map(({ program }) => program),
    parts: [
      ...started.map(({ program, store, server, hot }) => ({
        name: program.name,
        faults: [
          ...faultsOf(program),
          cutOff(store),
          cutOff(server),
          ...(hot ? [cutOff(hot)] : []),
          cutOff(store, server),
        ],
      })),
      { name: 'PostgreSQL', faults: faultsOfPostgres(postgres) },
      { name: 'Temporal', faults: faultsOfTemporal(temporal) },
      ...(redis ? [{ name: 'Redis', faults: faultsOfRedis(redis) }] : []),
    ],
    temporal,
    postgres,
    replacePostgres(server) {
      owned.defer(() => server.stop());
      for (const { store } of started) store.redirect(new URL(server.url).host);
    },
    effects: () => (existsSync(effects) ? linesOf(readFileSync(effects, 'utf8')) : []),
    keep() {
      isKept = true;
      return folder;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function faultsOf(program: Program): Fault[] {
  return [
    { kind: 'kill', begin: () => program.kill(), end: () => program.start() },
    { kind: 'freeze', begin: async () => program.freeze(), end: async () => program.thaw() },
  ];
}

function cutOff(...links: readonly TcpProxy[]): Fault {
  return {
    kind: 'cut off',
    async begin() {
      for (const link of links) link.cut();
    },
    async end() {
      for (const link of links) link.restore();
    },
  };
}

function faultsOfPostgres(server: PostgresServer): Fault[] {
  const { outage } = server;
  if (outage === null)
    throw new Error('Chaos tests need the programs of PostgreSQL: install them, or put them on the PATH.');
  return [
    { kind: 'kill', begin: () => outage.begin(), end: () => outage.end() },
    freezing(() => processTree(server.pid ?? 0)),
  ];
}

function faultsOfTemporal(temporal: PrivateTemporal): Fault[] {
  return [
    { kind: 'kill', begin: () => temporal.kill(), end: () => temporal.restart() },
    freezing(() => [temporal.pid]),
  ];
}

/** Killed, it comes back empty. */
function faultsOfRedis(redis: RedisServer): Fault[] {
  return [
    { kind: 'kill', begin: () => redis.kill(), end: () => redis.restart() },
    { kind: 'freeze', begin: async () => redis.freeze(), end: async () => redis.thaw() },
  ];
}

function freezing(pids: () => readonly number[]): Fault {
  let frozen: readonly number[] = [];
  const send = (signal: NodeJS.Signals) => {
    for (const pid of frozen) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended: a backend whose client has gone.
      }
    }
  };
  return {
    kind: 'freeze',
    async begin() {
      frozen = pids();
      send('SIGSTOP');
    },
    end: async () => send('SIGCONT'),
  };
}

function linesOf(text: string): Effect[] {
  // The last line may be half written by a process that was killed.
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Effect);
}
