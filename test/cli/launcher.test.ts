import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');
/** Makes Node report an old version. */
const OLD_NODE = [
  '--import',
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})',
];

test('on a new Node the command runs in the same process, with its arguments', async () => {
  const launcher = await launch([], `console.log(process.pid, ...process.argv.slice(2))`, ['a b', '--c']);
  expect(await text(launcher.stdout!)).toBe(`${launcher.pid} a b --c\n`);
});

test('on an old Node the command runs on the pinned one, with its arguments and exit code', async () => {
  const main = `console.log(Number.parseInt(process.versions.node), ...process.argv.slice(2)); process.exit(7)`;
  const launcher = await launch(OLD_NODE, main, ['a b', '--c']);
  const [output, [code]] = await Promise.all([text(launcher.stdout!), once(launcher, 'exit')]);
  expect(output).toBe('24 a b --c\n');
  expect(code).toBe(7);
});

test('a signal reaches the command, whose exit code is the launcher’s', async () => {
  const main = `
    process.on('SIGTERM', () => process.exit(3));
    console.log('up');
    setInterval(() => {}, 1000);`;
  const launcher = await launch(OLD_NODE, main);
  await once(launcher.stdout!, 'data');
  launcher.kill('SIGTERM');
  expect(await once(launcher, 'exit')).toEqual([3, null]);
});

test('a command that was killed gives the exit code of a shell', async () => {
  const launcher = await launch(OLD_NODE, `process.kill(process.pid, 'SIGKILL')`);
  expect(await once(launcher, 'exit')).toEqual([137, null]);
});

test('without the pinned Node the launcher says what to do', async () => {
  const launcher = await launch(OLD_NODE, '', [], false);
  const [output, [code]] = await Promise.all([text(launcher.stderr!), once(launcher, 'exit')]);
  expect(output).toContain('Run "npm ci"');
  expect(code).toBe(1);
});

/** Runs the launcher in a temporary folder, with `main` in place of the command line. */
async function launch(nodeArgs: string[], main: string, args: string[] = [], pinned = true): Promise<ChildProcess> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'cli'), { recursive: true });
  await copyFile(join(REPOSITORY, 'bin', 'perdure.js'), join(folder, 'bin', 'perdure.js'));
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  await writeFile(join(folder, 'cli', 'main.ts'), main);
  if (pinned) await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  const launcher = spawn(process.execPath, [...nodeArgs, join(folder, 'bin', 'perdure.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void launcher.kill('SIGKILL'));
  return launcher;
}
