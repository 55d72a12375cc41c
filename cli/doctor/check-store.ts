import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Client } from 'pg';
import type { Finding } from './finding.ts';

/** Checks that PostgreSQL is reachable, or that the folder of the embedded store is writable. Changes nothing. */
export async function checkStore(env: NodeJS.ProcessEnv): Promise<Finding> {
  const url = env['DATABASE_URL'];
  return url === undefined || url === '' ? checkFolder(resolve(env['PERDURE_DATA'] ?? '.perdure')) : checkPostgres(url);
}

async function checkPostgres(connectionString: string): Promise<Finding> {
  const check = 'Store';
  try {
    const client = new Client({ connectionString, connectionTimeoutMillis: 3_000 });
    await client.connect();
    await client.query('select 1');
    await client.end();
    return { check, state: 'ok', found: 'PostgreSQL at DATABASE_URL', remedy: null };
  } catch (error) {
    // Only the code: the message may contain the URL with its password.
    const { code = 'no response' } = error as { code?: string };
    return {
      check,
      state: 'problem',
      found: `PostgreSQL at DATABASE_URL is unreachable (${code})`,
      remedy: 'Check host, port, user and password in DATABASE_URL, and that PostgreSQL is running.',
    };
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
