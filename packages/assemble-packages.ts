import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { traceImports } from './trace-imports.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** Optional dependencies of `perdure-client`: only needed to send through Temporal. */
const OPTIONAL = /^@temporalio\//;

/**
 * Assembles the packages other than `perdure` in `dist-packages/`, from `dist/` and the manifests in `packages/`.
 * Their version, license and dependency versions are those of `perdure`.
 */
export async function assemblePackages(root: string): Promise<void> {
  const target = join(root, 'dist-packages');
  await rm(target, { recursive: true, force: true });
  const perdure = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  await assembleClient(root, join(target, 'perdure-client'), perdure);
  await assembleCreator(root, join(target, 'create-perdure'), perdure);
}

async function assembleClient(root: string, target: string, perdure: Manifest): Promise<void> {
  const dist = join(root, 'dist');
  const { files, packages } = await traceImports(dist, ['client/index.js', 'contracts/index.js']);
  for (const path of files) await copy(join(dist, path), join(target, 'dist', path));
  const versions = Object.fromEntries(
    packages.map((name) => {
      const version = perdure.dependencies[name] ?? perdure.devDependencies[name];
      if (version === undefined) throw new Error(`perdure-client imports ${name}, which package.json does not name.`);
      return [name, version];
    }),
  );
  const optional = packages.filter((name) => OPTIONAL.test(name));
  await finish(root, target, 'client', perdure, {
    dependencies: pick(
      versions,
      packages.filter((name) => !OPTIONAL.test(name)),
    ),
    peerDependencies: Object.fromEntries(optional.map((name) => [name, `^${versions[name]}`])),
    peerDependenciesMeta: Object.fromEntries(optional.map((name) => [name, { optional: true }])),
  });
}

async function assembleCreator(root: string, target: string, perdure: Manifest): Promise<void> {
  await cp(join(root, 'packages', 'create-perdure', 'bin'), join(target, 'bin'), { recursive: true });
  await finish(root, target, 'create-perdure', perdure, { dependencies: { perdure: perdure.version } });
}

/** Writes the manifest, the README and the license files. */
async function finish(root: string, target: string, source: string, perdure: Manifest, more: object): Promise<void> {
  const from = join(root, 'packages', source);
  const { version, license } = perdure;
  const manifest = JSON.parse(await readFile(join(from, 'package.json'), 'utf8')) as { name: string };
  const text = JSON.stringify({ ...manifest, version, license, ...more }, null, 2);
  await mkdir(target, { recursive: true });
  await writeFile(join(target, 'package.json'), `${text}\n`);
  await cp(join(from, 'README.md'), join(target, 'README.md'));
  for (const name of ['LICENSE', 'NOTICE']) await cp(join(root, name), join(target, name));
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to);
}

function pick(versions: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, versions[name] ?? '']));
}
