import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const END_MS = 60_000;

/** A Node program that runs. */
export interface RunningProgram {
  readonly pid: number;
  /** Sends a signal and resolves when the program has ended. One that does not end within a minute is killed. */
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts a Node program and resolves when its output matches; rejects with its output when it ends before. */
export async function runProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder: string,
  ready: RegExp,
): Promise<RunningProgram> {
  const child = spawn(process.execPath, args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  // Covers a benchmark that is aborted.
  const abandon = () => void child.kill('SIGTERM');
  process.once('exit', abandon);
  const exited = once(child, 'exit').then(() => void process.off('exit', abandon));
  await readyOf(child, args, ready);
  return {
    pid: child.pid ?? 0,
    async end(signal) {
      child.kill(signal);
      const kill = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await exited;
      clearTimeout(kill);
    },
  };
}

function readyOf(child: ChildProcess, args: readonly string[], ready: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const take = (text: string) => {
      output = (output + text).slice(-10_000);
      if (ready.test(output)) resolve();
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}:\n${output}`)));
  });
}
