import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../support/mcp/hold-connection.ts', import.meta.url));

/** Whether a process exists. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'the process of a server ends when the process that has started it is ended by %s',
  async (signal) => {
    const holder = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void holder.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(isRunning(pid)).toBe(true);
    holder.kill(signal);
    await once(holder, 'exit');
    await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
  },
);
