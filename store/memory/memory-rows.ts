import type { Memory } from '../../contracts/capabilities/memory.ts';

/** The columns of a memory, of the table `m`. */
export const MEMORY_COLUMNS = `m.memory_id, m.content, m.session_id, m.run_id, m.message_id, m.created_at, m.replaces`;

export interface MemoryRow {
  readonly memory_id: string;
  readonly content: string;
  readonly session_id: string | null;
  readonly run_id: string | null;
  readonly message_id: string | null;
  readonly created_at: string;
  readonly replaces: string | null;
}

export function memoryOf(row: MemoryRow): Memory {
  return {
    id: row.memory_id,
    content: row.content,
    source: { session: row.session_id, run: row.run_id, message: row.message_id },
    createdAt: row.created_at,
    replaces: row.replaces,
  };
}

/**
 * The words of a text: lower case, not stemmed, in no particular language (configuration `simple`). Longer ones than an index
 * takes are cut.
 */
export function wordsOf(text: string): string {
  return `(SELECT DISTINCT left(w, 200) AS word FROM unnest(tsvector_to_array(to_tsvector('simple', ${text}))) w)`;
}

/** What each indexed word of a user begins with. Two users may have the same: every search filters by user, too. */
export function wordPrefix(user: string): string {
  return `left(md5(${user}), 8) || ':'`;
}
