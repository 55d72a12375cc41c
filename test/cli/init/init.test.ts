import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadDeployment } from '../../../agents/templates/load-deployment.ts';
import { loadTemplates } from '../../../agents/templates/load-templates.ts';
import { runCli } from '../../support/process/run-cli.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const FILES = [
  '.env.example',
  '.gitignore',
  'README.md',
  'agents/assistant.yaml',
  'agents/support.ts',
  'package.json',
  'perdure.yaml',
  'tsconfig.json',
];

const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** The files below a folder, without installed packages, and their contents. */
async function contentsOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !path.startsWith('node_modules'));
  const read = async (path: string) => [path, await readFile(join(folder, path), 'utf8')] as const;
  return Object.fromEntries(await Promise.all(paths.toSorted().map(read)));
}

/** Stands in for `npm install`: this checkout as the package `perdure`, and what it depends on. */
async function install(folder: string): Promise<void> {
  const perdure = join(folder, 'node_modules', 'perdure');
  await mkdir(perdure, { recursive: true });
  await mkdir(join(folder, 'node_modules', '@types'));
  for (const name of ['zod', 'typescript', '@types/node']) {
    await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const face = `export * from '${join(ROOT, 'agents', 'index.ts')}';\n`;
  await writeFile(join(perdure, 'agents.js'), face);
  await writeFile(join(perdure, 'agents.d.ts'), face);
  const exports = { './agents': { types: './agents.d.ts', import: './agents.js' } };
  await writeFile(join(perdure, 'package.json'), JSON.stringify({ name: 'perdure', type: 'module', exports }));
}

test('a new project has agents that load, a valid deployment file, and TypeScript that type-checks', async () => {
  const folder = join(await temporaryFolder(), 'my-agents');
  const { code, stdout, stderr } = await runCli(['init', folder]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^created agents\/assistant\.yaml$/m);
  expect(stdout).toMatch(/^ {2}cd .*my-agents\n {2}npm install\n {2}npm start$/m);
  expect(Object.keys(await contentsOf(folder))).toEqual(FILES);

  await install(folder);
  const agents = await loadTemplates(join(folder, 'agents'));
  expect(agents.defaultAgent).toBe('assistant');
  expect(agents.agent('support')?.tools).toMatchObject([{ name: 'find_order', idempotent: true }, { name: 'clock' }]);
  expect(await loadDeployment(join(folder, 'perdure.yaml'), { chosen: true })).toHaveProperty('policy.maxSteps');
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const checked = await promisify(execFile)(tsc, ['-p', folder]).catch((error: { stdout: string }) => error);
  expect(checked.stdout).toBe('');
}, 60_000);

test('the package of a new project has its name, and depends on this version of perdure and on versions that it is tested with', async () => {
  const folder = await temporaryFolder();
  await runCli(['init', folder, '--name', '@shop/support']);
  const made = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const own = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
  const all = { ...own['dependencies'], ...own['devDependencies'] };
  const caret = (name: string) => `^${all[name]}`;
  expect(made).toMatchObject({
    name: '@shop/support',
    type: 'module',
    scripts: { start: 'perdure start', chat: 'perdure chat', doctor: 'perdure doctor', typecheck: 'tsc' },
    dependencies: { perdure: `^${version}`, zod: caret('zod') },
    devDependencies: { typescript: caret('typescript'), '@types/node': caret('@types/node') },
  });
  expect(await readFile(join(folder, 'README.md'), 'utf8')).toMatch(/^# @shop\/support\n/);
});

test('a second time changes nothing and says so', async () => {
  const folder = join(await temporaryFolder(), 'twice');
  await runCli(['init', folder]);
  await writeFile(join(folder, 'agents/assistant.yaml'), 'name: mine\n');
  const before = await contentsOf(folder);
  const { code, stdout } = await runCli(['init', folder]);
  expect(code).toBe(0);
  expect(stdout).toContain('Nothing was changed');
  expect(stdout).not.toMatch(/^created/m);
  expect(await contentsOf(folder)).toEqual(before);
});

test('an npm project gets only the files that are missing, and is told what the others lack', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'agents'));
  const own = { 'agents/own.yaml': 'name: own\n', 'package.json': '{"name":"shop"}', '.gitignore': 'node_modules\n' };
  for (const [path, content] of Object.entries(own)) await writeFile(join(folder, path), content);
  const { code, stdout } = await runCli(['init', folder]);
  expect(code).toBe(0);
  expect(stdout.split('\n')).toEqual(
    expect.arrayContaining([
      'kept agents/',
      'created perdure.yaml',
      'kept package.json: set "type": "module"; add the script "start": "perdure start"; add perdure and zod with npm install perdure zod',
      'kept .gitignore: add .perdure, .env',
      '  npm install perdure zod',
      '  npx perdure start',
    ]),
  );
  const after = await contentsOf(folder);
  expect(after).toMatchObject(own);
  expect(Object.keys(after)).toEqual([
    '.env.example',
    '.gitignore',
    'agents/own.yaml',
    'package.json',
    'perdure.yaml',
    'tsconfig.json',
  ]);
});

test('a folder with files of something else is refused with what is in the way, and left as it is; a new repository is not', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'thesis.doc'), 'years of work');
  const { code, stdout, stderr } = await runCli(['init', folder]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain('It contains:\n  thesis.doc\nChoose a new or empty folder.');
  expect(await contentsOf(folder)).toEqual({ 'thesis.doc': 'years of work' });

  const repository = join(await temporaryFolder(), 'repository');
  await mkdir(join(repository, '.git'), { recursive: true });
  await writeFile(join(repository, 'README.md'), '# Mine\n');
  const made = await runCli(['init', repository]);
  expect(made.stdout).toMatch(/^kept README\.md$/m);
  expect(Object.keys(await contentsOf(repository))).toEqual(FILES);
  expect(await readFile(join(repository, 'README.md'), 'utf8')).toBe('# Mine\n');
});

test.each([
  ['My Agents', '"My Agents" cannot be the name of an npm package', 'such as --name my-agents.'],
  ['Größe', '"Größe" cannot be the name', 'such as --name gro-e.'],
  ['???', '"???" cannot be the name', 'Set one with --name.'],
  ['perdure', 'A project cannot be named "perdure"', 'with --name.'],
])('a folder named %s is refused in one sentence, and not made', async (name, problem, remedy) => {
  const parent = await temporaryFolder();
  const { code, stdout, stderr } = await runCli(['init', join(parent, name)]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(problem);
  expect(stderr.trimEnd()).toMatch(new RegExp(`${remedy.replaceAll('.', String.raw`\.`)}$`));
  expect(stderr.trimEnd()).not.toContain('\n');
  expect(await readdir(parent)).toEqual([]);
});

test('a path that is a file is refused', async () => {
  const file = join(await temporaryFolder(), 'notes');
  await writeFile(file, '');
  const { code, stderr } = await runCli(['init', file]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('is a file. Choose a new or empty folder.')]);
});

test('with --json the files and the next commands are one document', async () => {
  const folder = join(await temporaryFolder(), 'json');
  const { stdout } = await runCli(['init', folder, '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    folder,
    files: expect.arrayContaining([{ path: 'perdure.yaml', action: 'created', advice: null }]),
    next: [expect.stringMatching(/^cd /), 'npm install', 'npm start'],
  });
});

test('perdure --version prints the version of the package', async () => {
  expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});
