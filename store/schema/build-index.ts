import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../db/db.ts';

/** How often an index that another connection is building is looked at. */
const LOOK_MS = 1_000;
const CREATE_INDEX = /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)\s+ON perdure\./;

/**
 * Builds an index with `CREATE INDEX CONCURRENTLY`: no reader or writer of the table waits. It waits itself for the transactions
 * that are open, however long. An index that was interrupted stays in the catalogue as invalid, and slows writers without being
 * used: it is removed and built again. One that PostgreSQL goes on building after the process that asked for it has died is awaited.
 */
export async function buildIndex(db: Db, statement: string): Promise<void> {
  const name = CREATE_INDEX.exec(statement)?.[1];
  if (name === undefined) throw new Error(`Not CREATE INDEX CONCURRENTLY … ON perdure.…: ${statement.slice(0, 80)}`);
  for (;;) {
    const state = await stateOf(db, name);
    if (state === 'valid') return;
    if (state === 'building') await delay(LOOK_MS);
    if (state === 'invalid') await db.query(`DROP INDEX CONCURRENTLY IF EXISTS perdure.${name}`);
    if (state === 'missing') await db.query(statement);
  }
}

async function stateOf(db: Db, name: string): Promise<'missing' | 'valid' | 'building' | 'invalid'> {
  const [index] = await db.query<{ valid: boolean; building: boolean }>(
    `SELECT i.indisvalid AS valid,
            EXISTS (SELECT FROM pg_stat_progress_create_index p
                     WHERE p.index_relid = i.indexrelid AND p.datname = current_database()) AS building
       FROM pg_index i
      WHERE i.indexrelid = to_regclass($1)`,
    [`perdure.${name}`],
  );
  if (index === undefined) return 'missing';
  if (index.valid) return 'valid';
  return index.building ? 'building' : 'invalid';
}
