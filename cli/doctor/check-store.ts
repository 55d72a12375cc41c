import { access, constants } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Client } from 'pg';
import type { Finding } from './finding.ts';

/** Whether the store can be reached: a served PostgreSQL, or the folder of the embedded one. Changes nothing. */
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
    return { check, state: 'ok', found: 'PostgreSQL answers at DATABASE_URL', remedy: null };
  } catch (error) {
    // The code only: the message may hold the address with its password.
    const { code = 'no answer' } = error as { code?: string };
    return {
      check,
      state: 'problem',
      found: `PostgreSQL does not answer at DATABASE_URL (${code})`,
      remedy: 'Check host, port, user and password in DATABASE_URL, and that PostgreSQL runs.',
    };
  }
}

async function checkFolder(folder: string): Promise<Finding> {
  const check = 'Store';
  if (await canWrite(folder)) return { check, state: 'ok', found: `embedded, in ${folder}`, remedy: null };
  return {
    check,
    state: 'problem',
    found: `the folder ${folder} cannot be written`,
    remedy: 'Give this user write access, name another folder in PERDURE_DATA, or set DATABASE_URL.',
  };
}

/** A folder that is not there yet is made in the nearest one that is. */
async function canWrite(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && canWrite(dirname(folder));
  }
}
