import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Client } from 'pg';
import { PerdureError } from '../../contracts/errors.ts';
import { describeConnectFailure } from '../../core/postgres/describe-connect-failure.ts';
import { postgresConfig } from '../../core/postgres/postgres-config.ts';
import type { Finding } from './finding.ts';

/**
 * Checks that PostgreSQL is reachable, or that the folder of the embedded store is writable. Changes nothing. `inMemory`: whether the
 * running gateway has its store in memory.
 */
export async function checkStore(env: NodeJS.ProcessEnv, inMemory: Promise<boolean>): Promise<Finding> {
  const url = env['DATABASE_URL']?.trim();
  if (url) return checkPostgres(url);
  if (await inMemory) return IN_MEMORY;
  return checkFolder(resolve(env['PERDURE_DATA']?.trim() || '.perdure'));
}

const IN_MEMORY: Finding = {
  check: 'Store',
  state: 'note',
  found: 'in memory: sessions and everything else are lost when the process of the gateway ends',
  remedy: 'To keep them, run `perdure start` without --memory.',
};

async function checkPostgres(databaseUrl: string): Promise<Finding> {
  const check = 'Store';
  try {
    const client = new Client({ ...postgresConfig(databaseUrl), connectionTimeoutMillis: 3_000 });
    await client.connect();
    await client.query('select 1');
    await client.end();
    return { check, state: 'ok', found: 'PostgreSQL at DATABASE_URL', remedy: null };
  } catch (error) {
    if (error instanceof PerdureError) return { check, state: 'problem', found: error.message, remedy: null };
    const { found, remedy } = describeConnectFailure(error);
    return { check, state: 'problem', found: `PostgreSQL at DATABASE_URL ${found}`, remedy };
  }
}

async function checkFolder(folder: string): Promise<Finding> {
  const check = 'Store';
  if (await canWrite(folder)) return { check, state: 'ok', found: `embedded, in ${folder}`, remedy: null };
  return {
    check,
    state: 'problem',
    found: `the folder ${folder} is not writable`,
    remedy: 'Give this user write access, set PERDURE_DATA to another folder, or set DATABASE_URL.',
  };
}

/** For a missing folder, checks the nearest existing parent. */
async function canWrite(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && canWrite(dirname(folder));
  }
}
