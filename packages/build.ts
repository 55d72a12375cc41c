import { execFile } from 'node:child_process';
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assemblePackages } from './assemble-packages.ts';

/**
 * `npm run build`: compiles the rooms into `dist/`, copies what is not code beside it, bundles the workflows, and
 * assembles the small packages in `dist-packages/`. The same sources in the same folder give the same files.
 */
const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');

/** What is found by path and is no module; see `assets/package-files.ts`. */
const ASSETS = [
  'store/migrations/*.sql',
  'dev-server/temporal-build/go.*',
  'agents/templates/*.yaml',
  'cli/init/template/{gitignore,*.*}',
  'cli/init/template/agents/*',
];

await rm(DIST, { recursive: true, force: true });
await compile();
await Promise.all([nameCompiledFiles(), copyAssets()]);
await bundle();
await assemblePackages(ROOT);

async function compile(): Promise<void> {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = promisify(execFile)(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json')]);
  await run.catch((error: { stdout: string }) => {
    throw new Error(`The TypeScript compiler failed:\n${error.stdout}`);
  });
}

/** The compiler rewrites `./a.ts` to `./a.js` in code, but not in declarations. */
async function nameCompiledFiles(): Promise<void> {
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

/** By the compiled bundler, so that the bundle is made of the compiled workflows. */
async function bundle(): Promise<void> {
  const compiled = (await import(join(DIST, 'worker', 'workflow-bundle.js'))) as {
    bundleWorkflows(): Promise<{ code: string }>;
  };
  await writeFile(join(DIST, 'workflow-bundle.js'), (await compiled.bundleWorkflows()).code);
}
