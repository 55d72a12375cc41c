import { expect, test } from 'vitest';
import { runnableHints } from '../../cli/shared/runnable-hints.ts';
import { runCli } from '../support/process/run-cli.ts';

const NPM = { npm_execpath: '/usr/lib/node_modules/npm/bin/npx-cli.js' };

test('under npm the commands in hints begin with npx, elsewhere they are as written', () => {
  const hint = 'Start one with `perdure start`. List them with: perdure sessions\nperdure why x';
  expect(runnableHints(hint, NPM)).toBe(
    'Start one with `npx perdure start`. List them with: npx perdure sessions\nnpx perdure why x',
  );
  expect(runnableHints(hint, {})).toBe(hint);
});

test('what is no command of Perdure stays as it is', () => {
  for (const text of [
    'The package perdure is not installed.',
    'npx perdure start',
    '`temporal --task-queue perdure`',
  ]) {
    expect(runnableHints(text, NPM)).toBe(text);
  }
});

test('an error names commands that can be pasted', async () => {
  const env = { PERDURE_URL: 'http://127.0.0.1:1' };
  const [plain, npm] = await Promise.all([runCli(['sessions'], env), runCli(['sessions'], { ...env, ...NPM })]);
  expect(plain.stderr).toContain('Start one with `perdure start`');
  expect(npm.stderr).toContain('Start one with `npx perdure start`');
});
