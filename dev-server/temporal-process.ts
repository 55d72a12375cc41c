import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
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
 * Starts a server that can outlive this process: in its own process group, so that a Ctrl-C that drains this process
 * does not reach it, and with its output in a file rather than in a pipe. Rejects when the program cannot be started.
 */
export async function spawnTemporal(
  binary: string,
  args: readonly string[],
  logFile: string,
  /** Its working directory. */
  folder: string | null,
): Promise<TemporalProcess> {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(binary, args, {
    detached: true,
    windowsHide: true,
    stdio: ['ignore', log, log],
    env: baseEnv(process.env),
    ...(folder === null ? {} : { cwd: folder }),
  });
  closeSync(log);
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
