import { readFile, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { keepFile } from '../../assets/keep-file.ts';
import { cacheFolder } from '../../assets/package-files.ts';

/**
 * An empty database cluster as a tar file. PostgreSQL takes seconds to make one and a fraction of that to
 * unpack one, so the first is kept, for this version of PGlite.
 */
export async function freshCluster(): Promise<Blob> {
  const path = join(cacheFolder(), `pglite-${await pgliteVersion()}.tar`);
  const kept = await readFile(path).catch(() => null);
  if (kept) return new Blob([kept]);
  const pglite = await PGlite.create('memory://');
  const cluster = await pglite.dumpDataDir('none');
  await pglite.close();
  await keepFile(path, cluster.stream());
  return cluster;
}

/** Makes the cluster at `path` if there is none. A start that is killed in the middle leaves none, and the next one makes it. */
export async function provideCluster(path: string): Promise<void> {
  if (await exists(path)) return;
  const draft = `${path}.new`;
  await rm(draft, { recursive: true, force: true });
  const pglite = await PGlite.create({ dataDir: draft, loadDataDir: await freshCluster() });
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
