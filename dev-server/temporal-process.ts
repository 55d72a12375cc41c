import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcess, identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

/** One running server process: our child, or one that a dead owner left. */
export interface TemporalProcess {
  readonly identity: ProcessIdentity;
  /** Resolves when it is gone, with what is known of its end, for people. */
  readonly exited: Promise<string>;
  /** Ends it, gently first; resolves when it is gone. */
  end(): Promise<void>;
}

/** How often a process that is not our child is looked at; no event tells of its end. */
const LOOK_EVERY_MS = 250;

/**
 * Starts a server that outlives us if need be: in a process group of its own, so that the Ctrl-C that makes
 * us drain does not reach it, and writing to a file, not to a pipe that would break. Rejects when the
 * program cannot be started.
 */
export async function spawnTemporal(
  binary: string,
  args: readonly string[],
  logFile: string,
): Promise<TemporalProcess> {
  const log = openSync(logFile, 'a');
  const child = spawn(binary, args, { detached: true, windowsHide: true, stdio: ['ignore', log, log] });
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

/** Takes over a server that runs already. */
export function adoptTemporal(identity: ProcessIdentity): TemporalProcess {
  const exited = watch(identity);
  return {
    identity,
    exited,
    async end() {
      // The watch alone would not keep this process alive until the end is known.
      const held = setInterval(() => {}, LOOK_EVERY_MS);
      await endProcess(identity);
      await exited;
      clearInterval(held);
    },
  };
}

async function watch(identity: ProcessIdentity): Promise<string> {
  while (isRunning(identity)) await delay(LOOK_EVERY_MS, undefined, { ref: false });
  return 'unknown cause';
}
