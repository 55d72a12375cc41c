import { PerdureError } from '../../contracts/errors.ts';
import type { Memory, Remember } from '../../contracts/capabilities/memory.ts';
import type { Db, Tx } from '../db/db.ts';
import { sanitizeText } from '../db/sanitize.ts';
import { contentHash, removeUnusedEmbeddings } from './embeddings.ts';
import { countMemories, lockMemories, type LockedMemories } from './lock-memories.ts';
import { MEMORY_COLUMNS, memoryOf, wordPrefix, wordsOf, type MemoryRow } from './memory-rows.ts';
import { removeVector } from './pgvector.ts';
import { addWords, removeWords } from './word-counts.ts';

export interface RememberOptions {
  /** The id of a new memory. */
  readonly id: string;
  /** ISO 8601 UTC. */
  readonly at: string;
  /** Maximum number of the user's memories. */
  readonly max: number;
}

/**
 * Adds a memory of a user, without its vector. If the user has a current one with this content, that one is returned. With
 * `replaces` the other memory is superseded in the same transaction. Throws `not_found` if it is not a current one of the user,
 * and `too_large` when the user has `max` memories.
 */
export async function remember(
  db: Db,
  user: string,
  input: Remember,
  options: RememberOptions,
): Promise<{ readonly created: boolean; readonly memory: Memory }> {
  return await db.transaction((tx) => rememberIn(tx, user, input, options));
}

/** As {@link remember}, in a transaction of the caller. */
export async function rememberIn(
  tx: Tx,
  user: string,
  { content: given, source = {}, replaces }: Remember,
  { id, at, max }: RememberOptions,
): Promise<{ readonly created: boolean; readonly memory: Memory }> {
  const content = sanitizeText(given);
  const locked = await lockMemories(tx, user);
  const hash = contentHash(content);
  const same = await currentWith(tx, user, hash);
  if (replaces !== undefined && replaces === same?.id) return { created: false, memory: same };
  const chain = replaces === undefined ? null : await supersede(tx, locked, replaces, same?.id ?? id);
  if (same) {
    // So that forgetting it also forgets what it corrects.
    if (chain !== null) await joinChain(tx, user, chain, same.id);
    return { created: false, memory: same };
  }
  if (locked.memories >= max) throw full(max);
  const [row] = await tx.query<MemoryRow>(
    `INSERT INTO perdure.memories AS m
         (user_id, memory_id, content, content_hash, session_id, run_id, message_id, created_at, chain_id, replaces, words, revision)
       VALUES ($1, $2, $3, decode($4, 'hex'), $5, $6, $7, $8, $9, $10,
               array_to_tsvector(ARRAY(SELECT ${wordPrefix('$1')} || word FROM ${wordsOf('$3')} w)), $11)
       RETURNING ${MEMORY_COLUMNS}`,
    [
      user,
      id,
      content,
      hash,
      source.session ?? null,
      source.run ?? null,
      source.message ?? null,
      at,
      chain ?? id,
      replaces ?? null,
      locked.revision,
    ],
  );
  if (!row) throw new Error('An insert returned no row.');
  await addWords(tx, user, content);
  await countMemories(tx, locked, 1);
  return { created: true, memory: memoryOf(row) };
}

async function currentWith(tx: Tx, user: string, hash: string): Promise<Memory | null> {
  const [row] = await tx.query<MemoryRow>(
    `SELECT ${MEMORY_COLUMNS} FROM perdure.memories m
      WHERE user_id = $1 AND content_hash = decode($2, 'hex') AND superseded_by IS NULL`,
    [user, hash],
  );
  return row ? memoryOf(row) : null;
}

/** Marks a memory as superseded, and returns its chain. A search no longer finds it, so it needs neither words nor a vector. */
async function supersede(tx: Tx, { user }: LockedMemories, old: string, by: string): Promise<string> {
  const [row] = await tx.query<{ content: string; hash: string; chain_id: string }>(
    `UPDATE perdure.memories
        SET superseded_by = $3, words = NULL, embedding = NULL, embedding_model = NULL, code = NULL
      WHERE user_id = $1 AND memory_id = $2 AND superseded_by IS NULL
      RETURNING content, encode(content_hash, 'hex') AS hash, chain_id`,
    [user, old, by],
  );
  if (!row) throw await notCurrent(tx, user, old);
  await removeWords(tx, user, [row.content]);
  await removeVector(tx, user, old);
  await removeUnusedEmbeddings(tx, [row.hash]);
  return row.chain_id;
}

async function joinChain(tx: Tx, user: string, chain: string, id: string): Promise<void> {
  await tx.query(
    `UPDATE perdure.memories SET chain_id = $2
      WHERE user_id = $1 AND chain_id = (SELECT chain_id FROM perdure.memories WHERE user_id = $1 AND memory_id = $3)`,
    [user, chain, id],
  );
}

async function notCurrent(tx: Tx, user: string, id: string): Promise<PerdureError> {
  const [row] = await tx.query<{ superseded_by: string }>(
    `SELECT superseded_by FROM perdure.memories WHERE user_id = $1 AND memory_id = $2`,
    [user, id],
  );
  const shown = JSON.stringify(id.slice(0, 80));
  return new PerdureError(
    'not_found',
    row
      ? `The memory ${shown} was replaced by ${JSON.stringify(row.superseded_by)}. Replace that one instead.`
      : `There is no memory ${shown}. Take the id from a search or the list of memories.`,
  );
}

function full(max: number): PerdureError {
  return new PerdureError(
    'too_large',
    `The user has ${max} memories, the most one can have (limits.memoriesPerUser). Forget some first.`,
  );
}
