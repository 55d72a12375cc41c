import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { baseEnv } from './child-env.ts';
import { endProcess, identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

/** A running server process: a child, or a process left by a dead owner. */
export interface TemporalProcess {
  readonly identity: ProcessIdentity;
  /** Resolves when it has ended, with the cause in words. */
  readonly exited: Promise<string>;
  /** Sends SIGTERM, then SIGKILL; resolves when it has ended. */
  end(): Promise<void>;
}

/** Poll interval for a process that is not a child: the system reports its end to its parent only. */
const POLL_INTERVAL_MS = 250;

/**
 * Starts a server in its own process group, so that a Ctrl-C that drains this process does not reach it. With its output in a file it can
 * outlive this process; with its output in a function it ends with this process, however that ends (on Windows only if it exits). Rejects
 * when the program cannot be started.
 */
export async function spawnTemporal(
  binary: string,
  args: readonly string[],
  /** The path of a file that its output is appended to, or a function that takes it. */
  output: string | ((text: string) => void),
  /** Its working directory. */
  folder: string | null,
): Promise<TemporalProcess> {
  const options: SpawnOptions = {
    detached: true,
    windowsHide: true,
    env: baseEnv(process.env),
    ...(folder === null ? {} : { cwd: folder }),
  };
  const child =
    typeof output === 'string'
      ? spawnWithFile(binary, args, output, options)
      : spawnBound(binary, args, output, options);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const { pid } = child;
  if (pid === undefined) {
    throw await new Promise<Error>((resolve) => child.once('error', resolve));
  }
  child.unref();
  const identity = identityOf(pid);
  return {
    identity,
    exited,
    async end() {
      child.ref();
      await endProcess(identity);
      await exited;
    },
  };
}

function spawnWithFile(binary: string, args: readonly string[], file: string, options: SpawnOptions): ChildProcess {
  const log = openSync(file, 'a', 0o600);
  const child = spawn(binary, args, { ...options, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

/**
 * Waits, beside the program that the shell becomes, until the pipe from the owner closes, as it does when the owner is killed; then
 * kills the process group, which has the pid of the program. As long as the waiting process is in it, no other group has that number.
 */
const BOUND_TO_OWNER = `exec 3<&0; (read -r _ <&3; kill -9 -$$) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-`;

/** Starts a program that ends with this process. */
function spawnBound(
  binary: string,
  args: readonly string[],
  write: (text: string) => void,
  options: SpawnOptions,
): ChildProcess {
  const isBound = process.platform !== 'win32';
  const program = isBound ? '/bin/sh' : binary;
  const rest = isBound ? ['-c', BOUND_TO_OWNER, 'sh', binary, ...args] : args;
  // Without a home, Temporal's program keeps no id of the server in `~/.config/temporalio`.
  const { HOME: _home, USERPROFILE: _profile, ...env } = options.env ?? {};
  const child = spawn(program, rest, { ...options, env, stdio: ['pipe', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', write);
  // Pipes keep a process running until they are closed.
  for (const stream of child.stdio) (stream as Socket | null)?.unref();
  child.once('exit', () => child.stdin.destroy());
  return child;
}

/** Adopts a server that is already running. */
export function adoptTemporal(identity: ProcessIdentity): TemporalProcess {
  const exited = pollUntilExit(identity);
  return {
    identity,
    exited,
    async end() {
      // The poll does not keep this process alive, so an interval does until the server has ended.
      const keepAlive = setInterval(() => {}, POLL_INTERVAL_MS);
      await endProcess(identity);
      await exited;
      clearInterval(keepAlive);
    },
  };
}

async function pollUntilExit(identity: ProcessIdentity): Promise<string> {
  while (isRunning(identity)) await delay(POLL_INTERVAL_MS, undefined, { ref: false });
  return 'unknown cause';
}
