import type { ClientBase } from 'pg';
import { PerdureError } from '../../contracts/errors.ts';
import type { Db } from './db.ts';

/**
 * The settings of a connection on which statements and parsers rely, or which would interrupt it. A database or a role can
 * have other defaults (`ALTER DATABASE … SET`). The driver sets `client_encoding`.
 */
const SETTINGS = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  array_nulls: 'on',
  search_path: 'public',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
  lock_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
} as const;

const VALUES = Object.entries(SETTINGS)
  .map(([name, value]) => `('${name}', '${value}')`)
  .join(', ');

/** Applies {@link SETTINGS} to a new connection, except those that an older server does not have. */
export async function prepareSession(client: ClientBase): Promise<void> {
  await client.query(
    `SELECT set_config(name, value, false) FROM (VALUES ${VALUES}) AS s(name, value) WHERE current_setting(name, true) IS NOT NULL`,
  );
}

/** Throws `store_unavailable` unless the database can store every text. */
export async function requireUtf8(db: Db): Promise<void> {
  const [row] = await db.query<{ name: string; encoding: string }>(
    `SELECT current_database()::text AS name, current_setting('server_encoding') AS encoding`,
    [],
  );
  if (row === undefined || row.encoding === 'UTF8') return;
  throw new PerdureError(
    'store_unavailable',
    `The database ${JSON.stringify(row.name)} has the encoding ${row.encoding}, which cannot store every text. Create one with CREATE DATABASE perdure ENCODING 'UTF8' TEMPLATE template0, and set DATABASE_URL to it.`,
  );
}
