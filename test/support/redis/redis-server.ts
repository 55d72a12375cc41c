import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createClient } from 'redis';
import { anyPort } from '../../../dev-server/ports.ts';
import { cannotRunHere } from '../cannot-run-here.ts';
import type { CertificateFiles } from '../temporal/certificates.ts';

/** A real server on loopback, of Redis or Valkey. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Kills it as a crash does. It keeps nothing. */
  kill(): Promise<void>;
  /** Starts it again at the same address, empty. */
  restart(): Promise<void>;
  /** Stops it as it is: connections stay open, nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Executes one command on a connection of its own, as its operator. */
  command(...words: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

const PROGRAM = ['redis-server', 'valkey-server']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((path) => existsSync(path));

/** Whether a server can be started. Tests that need one are in `describe.runIf(HAS_REDIS)`; see `requiresRedis`. */
export const HAS_REDIS = PROGRAM !== undefined;

/** The body of a test that is skipped with the reason where no server can be started. */
export function requiresRedis(skip: (reason: string) => never): void {
  if (!HAS_REDIS) cannotRunHere(skip, 'neither redis-server nor valkey-server is installed');
}

/** What a server with TLS needs. */
export interface RedisTls extends CertificateFiles {
  /** Path of the certificate of its authority. */
  readonly authority: string;
}

/** The caller stops it. `flags`: further settings, such as `--maxmemory 8mb`. `tls`: it accepts TLS only, and its URL is `rediss://…`. */
export async function startRedis(flags: readonly string[] = [], tls?: RedisTls): Promise<RedisServer> {
  if (PROGRAM === undefined) throw new Error('redis-server is not installed.');
  const program = PROGRAM;
  const port = await anyPort();
  const folder = mkdtempSync(join(tmpdir(), 'perdure-redis-'));
  const url = `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`;
  const launch = async () => {
    const ports = tls ? tlsSettings(port, tls) : ['--port', String(port)];
    const settings = [...ports, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const child = spawn(program, [...settings, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] });
    const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
    child.stdout.on('data', (text: Buffer) => text.includes('Ready to accept connections') && resolve());
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}.`)));
    await ready;
    return child;
  };
  let child = await launch();
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    end();
    await exited;
  };
  return {
    url,
    port,
    kill,
    async restart() {
      await kill();
      child = await launch();
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async command(...words) {
      const trusting = tls && { tls: true as const, ca: readFileSync(tls.authority) };
      const socket = { reconnectStrategy: false as const, ...trusting };
      const client = createClient({ url, disableClientInfo: true, socket });
      client.on('error', () => {});
      await client.connect();
      try {
        return await client.sendCommand(words);
      } finally {
        client.destroy();
      }
    },
    async stop() {
      process.off('exit', end);
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function tlsSettings(port: number, { cert, key, authority }: RedisTls): string[] {
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority];
  return ['--port', '0', '--tls-port', String(port), '--tls-auth-clients', 'no', ...files];
}
