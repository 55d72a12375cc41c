import { PerdureError } from '../../contracts/errors.ts';
import type { Db, Tx } from '../db/db.ts';

/** pgvector in the store. */
export interface Pgvector {
  /** Returns the ids of the user's memories with the most similar vectors, best first. The search is exact. */
  search(user: string, model: string, vector: readonly number[], limit: number): Promise<string[]>;
  /** Copies the vectors of the user that were saved since the last time. Their revisions are in the order of the commits. */
  sync(user: string): Promise<void>;
}

/** Memories whose vectors one statement copies. */
const BATCH = 500;
/** Key of the advisory lock under which processes set up the table. */
const LOCK = '8098439270402550';

/**
 * Sets up pgvector where the database server has it: a table of its own, so that nothing else in the store needs the extension.
 * Returns null where the server has none, or where the role may not create it.
 */
export async function openPgvector(db: Db): Promise<Pgvector | null> {
  if (!(await createExtension(db))) return null;
  const [found] = await db.query<{ name: string }>(
    `SELECT quote_ident(n.nspname) AS name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'vector'`,
    [],
  );
  if (!found) return null;
  const type = `${found.name}.vector`;
  await db.transaction(async (tx) => {
    await tx.query(`SELECT pg_advisory_xact_lock($1::bigint)`, [LOCK]);
    await tx.query(`
      CREATE TABLE IF NOT EXISTS perdure.memory_vectors (
        user_id         text COLLATE "C" NOT NULL,
        memory_id       text COLLATE "C" NOT NULL,
        embedding_model text NOT NULL,
        revision        bigint NOT NULL,
        vector          ${type} NOT NULL,
        PRIMARY KEY (user_id, memory_id),
        FOREIGN KEY (user_id, memory_id) REFERENCES perdure.memories ON DELETE CASCADE
      );
      CREATE INDEX IF NOT EXISTS memory_vectors_by_revision ON perdure.memory_vectors (user_id, revision)`);
  });
  const copy = async (user: string): Promise<number> => {
    const rows = await db.query(
      `INSERT INTO perdure.memory_vectors AS v (user_id, memory_id, embedding_model, revision, vector)
       SELECT m.user_id, m.memory_id, m.embedding_model, m.revision, m.embedding::${type}
         FROM perdure.memories m
        WHERE m.user_id = $1 AND m.code IS NOT NULL
          AND m.revision > (SELECT coalesce(max(revision), 0) FROM perdure.memory_vectors WHERE user_id = $1)
        ORDER BY m.revision LIMIT $2
          FOR KEY SHARE
           ON CONFLICT (user_id, memory_id) DO UPDATE
          SET embedding_model = EXCLUDED.embedding_model, revision = EXCLUDED.revision, vector = EXCLUDED.vector
       RETURNING 1`,
      [user, BATCH],
    );
    return rows.length;
  };
  const sync = async (user: string): Promise<void> => {
    while ((await copy(user)) === BATCH);
  };
  await copyAll(db, sync);
  return {
    async search(user, model, vector, limit) {
      // In a subquery, the text of the query's vector is parsed once, not for each memory.
      const rows = await db.query<{ memory_id: string }>(
        `SELECT v.memory_id FROM perdure.memory_vectors v
          WHERE v.user_id = $1 AND v.embedding_model = $2 AND ${found.name}.vector_dims(v.vector) = $5
          ORDER BY v.vector OPERATOR(${found.name}.<=>) (SELECT $3::text::${type}), v.memory_id LIMIT $4`,
        [user, model, JSON.stringify(vector), limit, vector.length],
      );
      return rows.map((row) => row.memory_id);
    },
    sync,
  };
}

/** Copies what processes without pgvector have saved. */
async function copyAll(db: Db, sync: (user: string) => Promise<void>): Promise<void> {
  for (let after = ''; ;) {
    const users = await db.query<{ user_id: string }>(
      `SELECT user_id FROM perdure.memory_users u
        WHERE user_id > $1
          AND EXISTS (SELECT FROM perdure.memories m
                       WHERE m.user_id = u.user_id AND m.code IS NOT NULL
                         AND m.revision > (SELECT coalesce(max(v.revision), 0) FROM perdure.memory_vectors v WHERE v.user_id = u.user_id))
        ORDER BY user_id LIMIT $2`,
      [after, BATCH],
    );
    for (const { user_id: user } of users) await sync(user);
    const last = users.at(-1);
    if (last === undefined || users.length < BATCH) return;
    after = last.user_id;
  }
}

/** Removes the vector of a memory that was superseded. */
export async function removeVector(tx: Tx, user: string, id: string): Promise<void> {
  const [table] = await tx.query<{ is_there: boolean }>(
    `SELECT to_regclass('perdure.memory_vectors') IS NOT NULL AS is_there`,
    [],
  );
  if (!table?.is_there) return;
  await tx.query(`DELETE FROM perdure.memory_vectors WHERE user_id = $1 AND memory_id = $2`, [user, id]);
}

/** Whether the extension is there, created now if need be. */
async function createExtension(db: Db): Promise<boolean> {
  const [state] = await db.query<{ created: boolean; available: boolean }>(
    `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS created,
            EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector') AS available`,
    [],
  );
  if (!state?.available || state.created) return state?.available ?? false;
  try {
    await db.transaction(async (tx) => {
      await tx.query(`SELECT pg_advisory_xact_lock($1::bigint)`, [LOCK]);
      await tx.query(`CREATE EXTENSION IF NOT EXISTS vector`);
    });
    return true;
  } catch (error) {
    // The role may not.
    if (error instanceof PerdureError && error.code === 'internal') return false;
    throw error;
  }
}
