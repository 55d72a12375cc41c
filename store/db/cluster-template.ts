import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/perdure', import.meta.url));

/**
 * An empty database cluster as a tar file. PostgreSQL takes seconds to make one and a fraction of that to
 * unpack one, so the first is kept, for this version of PGlite.
 */
export async function clusterTemplate(): Promise<Blob> {
  const path = join(CACHE, `pglite-${await pgliteVersion()}.tar`);
  const kept = await readFile(path).catch(() => null);
  if (kept) return new Blob([kept]);
  const pglite = await PGlite.create('memory://');
  const cluster = await pglite.dumpDataDir('none');
  await pglite.close();
  // Where nothing can be kept, as on a read-only disk, the next one is made again.
  await keep(path, cluster).catch(() => {});
  return cluster;
}

async function keep(path: string, cluster: Blob): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, cluster.stream());
  await rename(draft, path);
}

/** Makes the cluster at `path` if there is none. A start that is killed in the middle leaves none, and the next one makes it. */
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

/** The package does not export its manifest, so it is read beside its code. */
async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const manifest = await readFile(join(dirname(entry), '../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
