import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../docs/documents.ts';
import { filesOf, tarball, type PackageName } from './installed.ts';

const ALLOWED: Readonly<Record<PackageName, RegExp>> = {
  perdure:
    /^(package\.json|README\.md|LICENSE|NOTICE|CHANGELOG\.md|bin\/perdure\.js|dist\/[\w/-]+(\.js|\.js\.map|\.d\.ts)|dist\/store\/migrations\/\d{4}-\d{4}\/[\w-]+\.sql|dist\/dev-server\/temporal-build\/go\.(mod|sum)|dist\/agents\/templates\/assistant\.yaml|dist\/cli\/init\/template\/(agents\/)?[\w.]+)$/,
  'perdure-client':
    /^(package\.json|README\.md|LICENSE|NOTICE|dist\/(client|codec|contracts|core\/text)\/[\w/-]+(\.js|\.js\.map|\.d\.ts))$/,
  'create-perdure': /^(package\.json|README\.md|LICENSE|NOTICE|bin\/create-perdure\.js)$/,
};
const NAMES = Object.keys(ALLOWED) as PackageName[];
/** A little above the measured sizes. */
const MAX_PACKED_BYTES: Readonly<Record<PackageName, number>> = {
  perdure: 3_900_000,
  'perdure-client': 400_000,
  'create-perdure': 8_000,
};

test.for(NAMES)('%s contains compiled code, declarations and files loaded by path, and nothing else', async (name) => {
  const files = await filesOf(name);
  expect(files.length).toBeGreaterThan(4);
  expect(files.filter((path) => !ALLOWED[name].test(path))).toEqual([]);
  expect(files.filter((path) => /(^|\/)(test|bench|examples|packages)\//.test(path))).toEqual([]);
});

test('perdure contains everything that it loads by path', async () => {
  const files = await filesOf('perdure');
  const migrations = globSync('store/migrations/*/*.sql', { cwd: ROOT }).map((path) => `dist/${path}`);
  const required = [
    ...migrations,
    'dist/workflow-bundle.js',
    'dist/agents/templates/assistant.yaml',
    'dist/cli/init/template/gitignore',
    'dist/cli/init/template/agents/support.ts.txt',
    'dist/dev-server/temporal-build/go.mod',
    'dist/dev-server/temporal-build/go.sum',
    'dist/workflows/index.js',
    'dist/workflows/no-stacks.js',
    'dist/workflows/reserved-signals.js',
    'dist/workflows/tolerant-payload-converter.js',
    'dist/workflows/trace-carrier.js',
  ];
  expect(required.filter((path) => !files.includes(path))).toEqual([]);
});

test.for(NAMES)('%s stays within its size', async (name) => {
  const { size } = await stat(tarball(name));
  console.log(`${name}: ${size} bytes packed, ${(await filesOf(name)).length} files`);
  expect(size).toBeLessThan(MAX_PACKED_BYTES[name]);
});

test.for(NAMES)('%s contains no path of the machine that built it', async (name) => {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-unpacked-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await promisify(execFile)('tar', ['-xzf', tarball(name), '-C', folder]);
  const paths = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const found: string[] = [];
  for (const path of paths) {
    const text = await readFile(path, 'utf8');
    const texts = [text, ...inlineMaps(text)];
    if (texts.some((one) => one.includes(`${ROOT}/`) || one.includes(`${homedir()}/`))) found.push(path);
  }
  expect(paths.length).toBeGreaterThan(4);
  expect(found).toEqual([]);
});

/** Source maps inside a file, as text. */
function inlineMaps(text: string): string[] {
  const maps = text.matchAll(/sourceMappingURL=data:application\/json;[^,]*base64,([A-Za-z0-9+/=]+)/g);
  return [...maps].map(([, map = '']) => Buffer.from(map, 'base64').toString());
}
