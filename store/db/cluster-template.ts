import { chmod, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { writeCacheFile } from '../../assets/write-cache-file.ts';
import { cacheFolder } from '../../assets/package-files.ts';

/**
 * Returns an empty database cluster as a tar file, cached on disk per PGlite version. `initdb` takes seconds; unpacking
 * takes a fraction of that.
 */
export async function clusterTemplate(): Promise<Blob> {
  const path = join(cacheFolder(), `pglite-${await pgliteVersion()}.tar`);
  const cached = await readFile(path).catch(() => null);
  if (cached) return new Blob([cached]);
  const pglite = await PGlite.create('memory://');
  const cluster = await pglite.dumpDataDir('none');
  await pglite.close();
  await writeCacheFile(path, cluster.stream());
  return cluster;
}

/** Creates a cluster at `path`. The rename makes it atomic: a start that is killed midway leaves nothing at `path`. */
export async function createCluster(path: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  const pglite = await PGlite.create({ dataDir: draft, loadDataDir: await clusterTemplate() });
  await pglite.close();
  // PGlite gives its files modes that let every user read and write them.
  await chmod(draft, 0o700);
  await rename(draft, path);
}

/** The package does not export its manifest; reads the file next to its entry point. */
async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const manifest = await readFile(join(dirname(entry), '../package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}
