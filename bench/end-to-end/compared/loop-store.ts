import { PGlite } from '@electric-sql/pglite';
import { Pool } from 'pg';
import type { ChatMessage } from './lean-chat.ts';

/** The conversations of the loop: one table in the same database as Perdure's. */
export interface LoopStore {
  /** Commits messages of a session. */
  append(session: string, messages: readonly ChatMessage[]): Promise<void>;
  /** The newest messages of a session, oldest first. */
  read(session: string): Promise<ChatMessage[]>;
}

interface Queries {
  query(text: string, values: readonly unknown[]): Promise<{ rows: unknown[] }>;
}

/** About as many as Perdure's policy sends by default: 40 runs. */
const CONTEXT_MESSAGES = 160;

const TABLE = `CREATE TABLE IF NOT EXISTS loop_messages (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session text NOT NULL,
  message json NOT NULL
)`;
const INDEX = 'CREATE INDEX IF NOT EXISTS loop_messages_by_session ON loop_messages (session, id)';

/** Opens PostgreSQL, or PGlite in a folder. */
export async function openLoopStore(at: { databaseUrl: string } | { dataDir: string }): Promise<LoopStore> {
  const db = 'databaseUrl' in at ? servedQueries(at.databaseUrl) : await embeddedQueries(at.dataDir);
  await db.query(TABLE, []);
  await db.query(INDEX, []);
  return {
    async append(session, messages) {
      await db.query('INSERT INTO loop_messages (session, message) SELECT $1, json_array_elements($2::json)', [
        session,
        JSON.stringify(messages),
      ]);
    },
    async read(session) {
      const { rows } = await db.query(
        'SELECT message FROM loop_messages WHERE session = $1 ORDER BY id DESC LIMIT $2',
        [session, CONTEXT_MESSAGES],
      );
      return (rows as { message: ChatMessage }[]).map(({ message }) => message).toReversed();
    },
  };
}

function servedQueries(connectionString: string): Queries {
  const pool = new Pool({ connectionString, max: 20 });
  // The server stops before this process.
  pool.on('error', () => {});
  return { query: (text, values) => pool.query({ name: text.slice(0, 60), text, values: [...values] }) };
}

async function embeddedQueries(dataDir: string): Promise<Queries> {
  const db = await PGlite.create(dataDir);
  return { query: (text, values) => db.query(text, [...values]) };
}
