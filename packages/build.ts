import { execFile } from 'node:child_process';
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assemblePackages } from './assemble-packages.ts';

/**
 * `npm run build`: compiles the sources into `dist/`, copies the other files that are loaded by path, bundles the workflows,
 * and assembles the other packages in `dist-packages/`. The output is reproducible for a given folder.
 */
const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');

/** Files that are loaded by path and are not modules; see `assets/package-files.ts`. */
const ASSETS = [
  'store/migrations/*/*.sql',
  'dev-server/temporal-build/go.*',
  'agents/templates/*.yaml',
  'cli/init/template/{gitignore,*.*}',
  'cli/init/template/agents/*',
];

await rm(DIST, { recursive: true, force: true });
await compile();
await Promise.all([rewriteDeclarations(), copyAssets()]);
await bundle();
await assemblePackages(ROOT);

async function compile(): Promise<void> {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = promisify(execFile)(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json')]);
  await run.catch((error: { stdout: string }) => {
    throw new Error(`The TypeScript compiler failed:\n${error.stdout}`);
  });
}

/** Rewrites `./a.ts` to `./a.js` in declarations, which the compiler does in code only. */
async function rewriteDeclarations(): Promise<void> {
  for await (const path of glob('**/*.d.ts', { cwd: DIST })) {
    const text = await readFile(join(DIST, path), 'utf8');
    await writeFile(join(DIST, path), text.replaceAll(/((?:from |import\()["']\.{1,2}\/[^"']+)\.ts(?=["'])/g, '$1.js'));
  }
}

async function copyAssets(): Promise<void> {
  for await (const path of glob(ASSETS, { cwd: ROOT })) {
    await mkdir(dirname(join(DIST, path)), { recursive: true });
    await cp(join(ROOT, path), join(DIST, path));
  }
}

/** Runs the compiled bundler, so that the bundle contains the compiled workflows. */
async function bundle(): Promise<void> {
  const compiled = (await import(join(DIST, 'worker', 'workflow-bundle.js'))) as {
    bundleWorkflows(): Promise<{ code: string }>;
  };
  await writeFile(join(DIST, 'workflow-bundle.js'), (await compiled.bundleWorkflows()).code);
}
