import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { PACKAGE_ROOT } from '../../../assets/package-files.ts';
import { writeCacheFile } from '../../../assets/write-cache-file.ts';
import { databasePath } from '../../../store/db/database-thread.ts';
import { openStore } from '../../../store/open-store.ts';

const CACHE = join(PACKAGE_ROOT, 'node_modules', '.cache', 'perdure-test');
/** What determines the migrated store. */
const SOURCES = ['node_modules/@electric-sql/pglite/package.json', 'store/migrate.ts', 'store/migrations'];

/** Path of an embedded store with the whole schema and no rows, dumped by PGlite. Kept for the next run until the schema changes. */
export async function migratedStore(): Promise<string> {
  const name = `store-${await sourceHash()}.tar`;
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  await writeCacheFile(path, (await migrateAndDump()).stream());
  for (const other of await readdir(CACHE)) {
    if (/^store-\w+\.tar$/.test(other) && other !== name) await rm(join(CACHE, other), { force: true });
  }
  return path;
}

async function migrateAndDump(): Promise<Blob> {
  const dataDir = await mkdtemp(join(tmpdir(), 'perdure-migrated-'));
  try {
    await (await openStore({ dataDir })).close();
    const pglite = await PGlite.create(databasePath(dataDir), { extensions: { vector } });
    const dump = await pglite.dumpDataDir('none');
    await pglite.close();
    return dump;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function sourceHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const source of SOURCES.map((path) => join(PACKAGE_ROOT, path))) {
    const isFile = /\.\w+$/.test(source);
    const paths = isFile ? [source] : (await readdir(source, { recursive: true })).map((name) => join(source, name));
    for (const path of paths.filter((one) => /\.\w+$/.test(one)).toSorted()) {
      hash.update(path).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, 32);
}
