import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../support/process/uncaught-errors-program.ts', import.meta.url));

function run(...args: string[]): { readonly code: number | null; readonly lines: string[]; readonly errors: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
  return { code: status, lines: stdout.trim().split('\n').filter(Boolean), errors: stderr };
}

const KINDS = ['rejection', 'later-rejection', 'timer', 'microtask'] as const;

test('an error that attributed code leaves uncaught is reported with it, and the process continues', () => {
  expect(run('log', ...KINDS)).toMatchObject({ code: 0, lines: [...KINDS.map((kind) => `tool: ${kind}`), 'end'] });
});

test('an error of other code is passed on with its origin', () => {
  expect(run('log', 'other-rejection', 'other-timer', 'rejection')).toMatchObject({
    code: 0,
    lines: ['other unhandledRejection: rejection', 'other uncaughtException: timer', 'tool: rejection', 'end'],
  });
});

test.each(['other-rejection', 'other-timer'])('%s ends a program as Node does by default', (doing) => {
  const ended = run('node', 'timer', doing);
  expect(ended).toMatchObject({ code: 1, lines: ['tool: timer'] });
  expect(ended.errors).toContain(`Error: ${doing.replace('other-', '')}`);
});
