import { sanitizeJson } from '../db/sanitize.ts';

/** The rows of a table as JSON arrays of bounded size, each of which one statement inserts. */
export interface TableChunks {
  readonly name: string;
  /** The columns of every row. */
  readonly columns: readonly string[];
  readonly chunks: readonly string[];
}

/** A statement with so much takes a few milliseconds. */
const CHUNK_CHARACTERS = 128 * 1024;
const CHUNK_ROWS = 500;

/** Splits rows that all have the columns of the first one. */
export function chunkRows(name: string, rows: readonly object[]): TableChunks {
  const chunks: string[] = [];
  let parts: string[] = [];
  let size = 0;
  const flush = (): void => {
    if (parts.length > 0) chunks.push(`[${parts.join(',')}]`);
    parts = [];
    size = 0;
  };
  for (const row of rows) {
    const { text } = sanitizeJson(row);
    if (parts.length >= CHUNK_ROWS || size + text.length > CHUNK_CHARACTERS) flush();
    parts.push(text);
    size += text.length;
  }
  flush();
  return { name, columns: Object.keys(rows[0] ?? {}), chunks };
}
