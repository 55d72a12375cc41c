import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { compileCacheFolder } from '../../assets/package-files.ts';
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

test('without the pinned Node the launcher says in one sentence what to do', async () => {
  const launcher = await launch(OLD_NODE, '', [], false);
  const [output, [code]] = await Promise.all([text(launcher.stderr!), once(launcher, 'exit')]);
  expect(output).toMatch(/^perdure needs Node 24 or newer; this is v.+\. Run "npm ci", .*\n$/);
  expect(code).toBe(1);
});

test('an installed package runs what was built, and names the Node it needs on an old one', async () => {
  const folder = await installed(`console.log('built', ...process.argv.slice(2))`);
  const fine = start(folder, [], ['a']);
  expect(await text(fine.stdout!)).toBe('built a\n');
  const old = start(folder, OLD_NODE);
  const [output, [code]] = await Promise.all([text(old.stderr!), once(old, 'exit')]);
  expect(output).toMatch(/^perdure needs Node 24 or newer; this is v.+\. Install it from \S+\n$/);
  expect(code).toBe(1);
});

test('in a checkout, agents that import the package by its name get the sources', async () => {
  const main = `import { name } from 'perdure/agents'; console.log(name);`;
  const folder = await checkout(main);
  await mkdir(join(folder, 'agents'));
  await writeFile(join(folder, 'agents', 'index.ts'), `export const name: string = 'from source';`);
  expect(await text(start(folder).stdout!)).toBe('from source\n');
});

test('compiled code is kept in the cache folder of everything else', async () => {
  const [folder, cache] = [await checkout(`console.log('ran')`), await temporaryFolder()];
  const base = { PERDURE_CACHE: '', XDG_CACHE_HOME: '' };
  for (const variable of ['PERDURE_CACHE', 'XDG_CACHE_HOME', 'HOME']) {
    const env = { ...base, [variable]: join(cache, variable) };
    expect(await text(start(folder, [], [], env).stdout!)).toBe('ran\n');
  }
  const folders = [
    compileCacheFolder({ PERDURE_CACHE: join(cache, 'PERDURE_CACHE') }),
    compileCacheFolder({ XDG_CACHE_HOME: join(cache, 'XDG_CACHE_HOME') }),
    join(cache, 'HOME', '.cache', 'perdure', 'compiled'),
  ];
  for (const compiled of folders) expect(await readdir(compiled)).toHaveLength(1);
});

test('the version is the one in package.json, in the source as in the bin', async () => {
  const { engines, version } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as {
    version: string;
    engines: { node: string };
  };
  expect(await text(start(REPOSITORY, [], ['--version']).stdout!)).toBe(`${version}\n`);
  const [, needed] =
    /^const MIN_NODE = (\d+);$/m.exec(await readFile(join(REPOSITORY, 'bin', 'perdure.js'), 'utf8')) ?? [];
  expect(engines.node).toBe(`>=${needed}`);
});

/** Runs the launcher in a temporary checkout, with `main` in place of the command line. */
async function launch(nodeArgs: string[], main: string, args: string[] = [], pinned = true): Promise<ChildProcess> {
  const folder = await checkout(main);
  if (pinned) await symlink(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  return start(folder, nodeArgs, args);
}

/** A folder with the launcher, laid out as a checkout is. */
async function checkout(main: string): Promise<string> {
  const folder = await withLauncher();
  await mkdir(join(folder, 'cli'));
  await writeFile(join(folder, 'cli', 'main.ts'), main);
  return folder;
}

/** A folder with the launcher, laid out as an installed package is. */
async function installed(main: string): Promise<string> {
  const folder = await withLauncher();
  await mkdir(join(folder, 'dist', 'cli'), { recursive: true });
  await writeFile(join(folder, 'dist', 'cli', 'main.js'), main);
  return folder;
}

async function withLauncher(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await copyFile(join(REPOSITORY, 'bin', 'perdure.js'), join(folder, 'bin', 'perdure.js'));
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  return folder;
}

function start(
  folder: string,
  nodeArgs: string[] = [],
  args: string[] = [],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  const launcher = spawn(process.execPath, [...nodeArgs, join(folder, 'bin', 'perdure.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  onTestFinished(() => void launcher.kill('SIGKILL'));
  return launcher;
}
