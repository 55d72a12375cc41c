import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from './node-flags.ts';

const MAIN = fileURLToPath(new URL('../../../bin/perdure.js', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `perdure …`, with only PATH of this process's environment. */
export interface RunningCli {
  readonly done: Promise<CliResult>;
  /** Resolves when standard output or error contains `text`; rejects when the program ends before. */
  shows(text: string): Promise<void>;
  type(text: string | Uint8Array): void;
  endInput(): void;
  signal(name: NodeJS.Signals): void;
  /** Its standard output so far. */
  output(): string;
}

/** `folder`: its working directory; default: that of this process. */
export function startCli(args: readonly string[], env: Record<string, string> = {}, folder?: string): RunningCli {
  return startThrough([], args, env, folder);
}

/** Runs a program in a pseudo-terminal, and forwards input and output. */
export const IN_TERMINAL = `
import os, pty, sys
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))`;

/**
 * The same in a terminal: `stdout` also contains standard error, and lines end with CR LF. `python` is the path of Python 3.
 * Without `columns` the terminal has no width.
 */
export function startInTerminal(
  python: string,
  args: readonly string[],
  env: Record<string, string>,
  columns = 0,
): RunningCli {
  const sized = ['sh', '-c', `stty cols ${columns} && exec "$@"`, 'sh'];
  return startThrough([python, '-c', IN_TERMINAL, ...sized], args, { TERM: 'xterm', NO_COLOR: '1', ...env });
}

function startThrough(
  before: readonly string[],
  args: readonly string[],
  env: Record<string, string>,
  folder?: string,
): RunningCli {
  const [program, ...rest] = [...before, process.execPath, ...NODE_FLAGS, MAIN, ...args];
  const child = spawn(program as string, rest, {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: folder,
  });
  const output = { stdout: '', stderr: '' };
  const looks = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      for (const look of looks) look();
    });
  }
  // A program may end before it has read all of its input.
  child.stdin.on('error', () => undefined);
  const done = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
  return {
    done,
    async shows(text) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (`${output.stdout}${output.stderr}`.includes(text)) resolve();
      };
      looks.add(look);
      look();
      void done.then((result) => reject(new Error(`Ended without showing ${text}: ${JSON.stringify(result)}`)));
      await promise.finally(() => looks.delete(look));
    },
    type: (text) => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
    signal: (name) => void child.kill(name),
    output: () => output.stdout,
  };
}

/** Runs `perdure …` with an input until it ends. */
export async function runCli(
  args: readonly string[],
  env: Record<string, string> = {},
  input: string | Uint8Array = '',
): Promise<CliResult> {
  const running = startCli(args, env);
  running.type(input);
  running.endInput();
  return running.done;
}
