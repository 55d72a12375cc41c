import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface Outcome {
  readonly owns: boolean;
  readonly name?: string;
  readonly message?: string;
  readonly address?: string;
  readonly notes?: readonly string[];
  readonly serverPid?: number;
}

export interface Owner {
  readonly pid: number;
  readonly outcome: Outcome;
  /** Resolves when the process is gone. Default `kill -9`. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts `owner-process.ts` and resolves with what came of it. Killed when the test is over. */
export async function startOwner(...args: readonly string[]): Promise<Owner> {
  const script = join(import.meta.dirname, 'owner-process.ts');
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  onTestFinished(() => kill());
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { pid: child.pid ?? 0, outcome: JSON.parse(line) as Outcome, kill };
}
