import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assetPath } from '../assets/package-files.ts';
import type { Db } from './db/db.ts';

const FOLDER = assetPath('store/migrations');
/** Key of the advisory lock, unlikely to be used by other programs on the same database: "perdure" in ASCII. */
const LOCK = 0x70657264757265n;

/**
 * Migrates the schema `perdure`: applies the numbered `.sql` files in `migrations/` that are not recorded as applied, in
 * order, in one transaction. An advisory lock serialises processes that start at the same time.
 */
export async function migrate(db: Db): Promise<void> {
  const files = (await readdir(FOLDER)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).toSorted();
  await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock($1::bigint)`, [LOCK.toString()]);
    await tx.query(`
      CREATE SCHEMA IF NOT EXISTS perdure;
      CREATE TABLE IF NOT EXISTS perdure.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
    `);
    const applied = await tx.query<{ name: string }>(`SELECT name FROM perdure.migrations`);
    const names = new Set(applied.map((row) => row.name));
    for (const name of files.filter((file) => !names.has(file))) {
      await tx.query(await readFile(join(FOLDER, name), 'utf8'));
      await tx.query(`INSERT INTO perdure.migrations (name) VALUES ($1)`, [name]);
    }
  });
}
