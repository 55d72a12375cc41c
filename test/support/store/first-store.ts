import { readFileSync } from 'node:fs';
import { Client } from 'pg';
import { createPostgresDatabase } from './databases.ts';

const FIRST_SCHEMA = readFileSync(new URL('first-schema.sql', import.meta.url), 'utf8');
export const EVENTS_PER_SESSION = 20;
export const RUNS_PER_SESSION = 4;

/** A value for a column that must have one. */
function valueOf({ name, type }: { name: string; type: string }): string {
  if (name === 'status') return `'completed'`;
  if (name === 'kind') return `'session'`;
  if (name === 'type') return `'session.opened'`;
  if (name === 'seq') return 'n';
  if (name === 'run_id') return `'run-' || s || '-' || n`;
  if (name === 'ordinal') return 'n';
  if (type === 'json' || type === 'jsonb') return name === 'message_ids' ? `'[]'` : `'{}'`;
  if (type.startsWith('timestamp')) return 'now()';
  if (type === 'boolean') return 'false';
  return type === 'text' ? `'x'` : '0';
}

/** A database with the schema of the first version, and sessions with events. */
export async function firstStore(events: number) {
  const { url, drop } = await createPostgresDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    CREATE SCHEMA perdure;
    CREATE TABLE perdure.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());
    ${FIRST_SCHEMA}
    INSERT INTO perdure.migrations (name) VALUES ('0001-sessions.sql');`);
  const columns = async (table: string) => {
    const { rows } = await client.query<{ name: string; type: string }>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
        WHERE table_schema = 'perdure' AND table_name = $1 AND is_nullable = 'NO' AND column_default IS NULL
          AND column_name NOT IN ('user_id', 'session_id')`,
      [table],
    );
    return rows;
  };
  const insert = async (table: string, perSession: number) => {
    const all = await columns(table);
    await client.query(
      `INSERT INTO perdure.${table} (user_id, session_id${all.map(({ name }) => `, ${name}`).join('')})
       SELECT 'user-' || s % 100, 'session-' || s${all.map((column) => `, ${valueOf(column)}`).join('')}
         FROM generate_series(1, ${Math.ceil(events / EVENTS_PER_SESSION)}) AS s, generate_series(1, ${perSession}) AS n`,
    );
  };
  await insert('sessions', 1);
  await insert('runs', RUNS_PER_SESSION);
  await insert('events', EVENTS_PER_SESSION);
  return { url, drop, client };
}
