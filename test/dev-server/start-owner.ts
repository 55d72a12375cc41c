import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { endProcess } from '../../dev-server/process-identity.ts';
import { findTemporalServers } from '../../dev-server/find-temporal-servers.ts';

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
  /** Resolves when the process has ended. Default: SIGKILL. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Makes the process record that it is stopping; resolves when it has. */
  recordStopping(): Promise<void>;
}

/** Starts `owner-process.ts` and resolves with its outcome. The end of the test kills it and any server on its folder. */
export async function startOwner(what: 'lock' | 'embedded', folder: string, port = 0): Promise<Owner> {
  return (await loadOwner(what, folder, port))();
}

/** The same in two steps, for races: resolves when the process is loaded, with a function that lets it continue. */
export async function loadOwner(what: 'lock' | 'embedded', folder: string, port = 0): Promise<() => Promise<Owner>> {
  const script = join(import.meta.dirname, 'owner-process.ts');
  const child = spawn(process.execPath, [script, what, folder, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  onTestFinished(async () => {
    await kill();
    const servers = existsSync(folder) ? findTemporalServers(realpathSync(folder)) : [];
    for (const server of servers) await endProcess(server, 0);
  });
  const recordStopping = async (): Promise<void> => {
    child.kill('SIGUSR2');
    await lines.next();
  };
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return async () => {
    child.stdin.write('go');
    const { value } = await lines.next();
    return { pid: child.pid ?? 0, outcome: JSON.parse(value ?? '{}') as Outcome, kill, recordStopping };
  };
}
