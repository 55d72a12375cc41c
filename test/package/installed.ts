import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../docs/documents.ts';

export type PackageName = 'perdure' | 'perdure-client' | 'create-perdure';

const run = promisify(execFile);

/** A folder with packages installed by npm, like that of a user. */
export interface InstalledProject extends AsyncDisposable {
  readonly folder: string;
  /** Names of all installed packages. */
  readonly installed: readonly string[];
}

/** The packed file of a package. */
export function tarball(name: PackageName): string {
  return join(ROOT, 'dist-packages', `${name}.tgz`);
}

/** Paths in a packed file, without npm's folder `package/`. */
export async function filesOf(name: PackageName): Promise<readonly string[]> {
  const { stdout } = await run('tar', ['-tzf', tarball(name)], { maxBuffer: 16 * 1024 * 1024 });
  return stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
}

/** Installs packed files, and `more` from the registry, in an empty folder that holds a copy of `fixture`. */
export async function installProject(
  fixture: string,
  names: readonly PackageName[],
  more: readonly string[] = [],
): Promise<InstalledProject> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-package-'));
  await cp(join(import.meta.dirname, fixture), folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{ "name": "backend", "private": true, "type": "module" }');
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...flags, ...names.map(tarball), ...more], {
    cwd: folder,
    env: withoutNpm(process.env),
  });
  const { stdout } = await run('npm', ['ls', '--all', '--parseable', '--package-lock-only'], {
    cwd: folder,
    env: withoutNpm(process.env),
  }).catch((error: { stdout: string }) => error);
  const installed = stdout.split('\n').map((path) => path.slice(path.lastIndexOf('node_modules/') + 13));
  return {
    folder,
    installed,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Returns the TypeScript compiler's errors in a project and in the declarations of Perdure's packages; empty for none. */
export async function typeCheck(
  folder: string,
  files: readonly string[],
  { skipLibCheck = false } = {},
): Promise<string> {
  const compilerOptions = {
    strict: true,
    module: 'NodeNext',
    target: 'ESNext',
    lib: ['ESNext'],
    types: ['node'],
    noEmit: true,
    allowJs: true,
    checkJs: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    skipLibCheck,
  };
  const config = join(folder, 'tsconfig.json');
  await writeFile(config, JSON.stringify({ compilerOptions, files }));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', config], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  // Errors in the declarations of other packages are ignored.
  const errors = stdout.split(/\n(?! )/);
  return errors.filter((error) => !/^node_modules\/(?!perdure)/.test(error)).join('\n');
}

/** Returns the environment without the variables that `npm run` and vitest set. */
export function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(npm_|NODE_ENV$|VITEST)/i.test(name)));
}
