import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/perdure', import.meta.url));

/**
 * Returns an empty database cluster as a tar file, cached on disk per PGlite version. `initdb` takes seconds; unpacking
 * takes a fraction of that.
 */
export async function clusterTemplate(): Promise<Blob> {
  const path = join(CACHE, `pglite-${await pgliteVersion()}.tar`);
  const cached = await readFile(path).catch(() => null);
  if (cached) return new Blob([cached]);
  const pglite = await PGlite.create('memory://');
  const cluster = await pglite.dumpDataDir('none');
  await pglite.close();
  // A cache that cannot be written (a read-only disk) only costs the next start an `initdb`.
  await writeCache(path, cluster).catch(() => {});
  return cluster;
}

async function writeCache(path: string, cluster: Blob): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, cluster.stream());
  await rename(draft, path);
}

/** Creates the cluster at `path` unless it exists. The rename makes it atomic: a start that is killed midway leaves nothing at `path`. */
export async function ensureCluster(path: string): Promise<void> {
  if (await exists(path)) return;
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  const pglite = await PGlite.create({ dataDir: draft, loadDataDir: await clusterTemplate() });
  await pglite.close();
  await rename(draft, path);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** The package does not export its manifest; reads the file next to its entry point. */
async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const manifest = await readFile(join(dirname(entry), '../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
