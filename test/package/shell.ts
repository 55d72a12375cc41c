import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { onTestFinished } from 'vitest';
import { IN_TERMINAL } from '../support/process/run-cli.ts';
import { withoutNpm } from './installed.ts';

/** A command line that runs as if it had been typed. */
export interface Shell {
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  /** Its output and error output so far. */
  output(): string;
  /** Resolves when the output satisfies `found`; rejects with the output when the command ends before. */
  until(found: (output: string) => boolean): Promise<void>;
  type(text: string): void;
  /** Signals the whole process group, like a terminal; false when nothing of it runs. */
  signal(name: NodeJS.Signals | 0): boolean;
}

export interface ShellOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** The path of Python 3, for a command that needs a terminal. */
  readonly python?: string;
}

/**
 * Runs a command line in a process group of its own, whose processes the end of the test kills. The shell is bash: when
 * Ctrl-C ends its command, it exits with the command's exit code, and dash always by the signal.
 */
export function startShell(line: string, { cwd, env, python }: ShellOptions): Shell {
  const bash = ['bash', '-c', line];
  const [program = '', ...arguments_] = python === undefined ? bash : [python, '-c', IN_TERMINAL, ...bash];
  const child = spawn(program, arguments_, { cwd, env, detached: true });
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return child.pid !== undefined && process.kill(-child.pid, name);
    } catch {
      return false;
    }
  };
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let output = '';
  onTestFinished(async ({ task }) => {
    signal('SIGKILL');
    await ended;
    if (task.result?.state === 'fail') console.error(`"${line}" has written:\n${output}`);
  });
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const look of looks) look();
    });
  }
  // A command may end before it has read all of its input.
  child.stdin.on('error', () => undefined);
  return {
    ended,
    output: () => output,
    async until(found) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (found(output)) resolve();
      };
      looks.add(look);
      look();
      void ended.then((code) => reject(new Error(`"${line}" ended with ${code}:\n${output}`)));
      await promise.finally(() => looks.delete(look));
    },
    type: (text) => void child.stdin.write(text),
    signal,
  };
}

/** Runs a command line until it ends. */
export async function runShell(line: string, options: ShellOptions): Promise<{ code: number | null; output: string }> {
  const shell = startShell(line, options);
  return { code: await shell.ended, output: shell.output() };
}

/**
 * The environment of a reader without settings of Perdure, a key for a model or the programs of this repository.
 * `node` is a folder whose `node` comes first.
 */
export function readersEnvironment(node?: string): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => !/node_modules|node-gyp-bin/.test(folder));
  const others = Object.entries(withoutNpm(process.env)).filter(
    ([name]) => !/^(PERDURE_(?!CACHE$|TEMPORAL_BIN$)|OPENAI_|OTEL_|TEMPORAL_|DATABASE_URL$|NODE_OPTIONS$)/.test(name),
  );
  return {
    ...Object.fromEntries(others),
    PATH: [...(node === undefined ? [] : [node]), ...path].join(':'),
    NO_COLOR: '1',
    TERM: 'xterm',
    npm_config_script_shell: 'bash',
    npm_config_prefer_offline: 'true',
  };
}

/** The lines on the screen of a terminal after a program has written `output`. */
export function screenLines(output: string): readonly string[] {
  return output.split(/\r*\n/).map((line) => {
    // The line editor and npm's progress erase what they have shown before they write the line again.
    const [shown = ''] = line.split('\u001B[0K').slice(-1);
    return stripVTControlCharacters(shown.split('\u001B[0J').at(-1) ?? '');
  });
}
