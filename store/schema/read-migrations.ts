import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { assetPath } from '../../assets/package-files.ts';

const FOLDER = assetPath('store/migrations');

/**
 * A piece of a migration that takes effect as a whole, or, for the last two, statement by statement and batch by batch:
 * - `transaction`: one transaction. It changes the catalogue only, or rows that no other process uses yet.
 * - `concurrently`: `CREATE INDEX CONCURRENTLY` statements, each outside of a transaction.
 * - `batches`: statements that are executed once for each range of sessions, with a transaction for each range.
 */
export interface MigrationPart {
  readonly kind: 'transaction' | 'concurrently' | 'batches';
  readonly sql: string;
}

export interface Migration {
  /** The file's name, by which it is recorded as applied. */
  readonly name: string;
  /** In their order; at least one. */
  readonly parts: readonly MigrationPart[];
}

const NEXT_PART = /^-- \[(transaction|concurrently|batches)\]$/m;

/** All migrations, in their order. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const files = (await readdir(FOLDER, { recursive: true })).filter((path) => /^\d{4}-.+\.sql$/.test(basename(path)));
  // The names of the folders are those of their first and last file, so that the paths have the order of the files.
  return await Promise.all(
    files.toSorted().map(async (path) => parseMigration(basename(path), await readFile(join(FOLDER, path), 'utf8'))),
  );
}

/** A file is one `transaction`, unless lines such as `-- [concurrently]` part it. */
export function parseMigration(name: string, text: string): Migration {
  const [first = '', ...rest] = text.split(NEXT_PART);
  const parts: MigrationPart[] = statementsOf(first).length > 0 ? [{ kind: 'transaction', sql: first }] : [];
  for (let at = 0; at < rest.length; at += 2) {
    parts.push({ kind: rest[at] as MigrationPart['kind'], sql: rest[at + 1] ?? '' });
  }
  return { name, parts };
}

/** The statements of a part without bodies of functions. */
export function statementsOf(sql: string): readonly string[] {
  return sql
    .replaceAll(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** Where a statement of `batches` names its range, of the table with this alias or name. */
const RANGE = /\/\* batch of (\w+) \*\/ true/g;

/**
 * The statement for one range: for sessions after ($1, $2) up to ($3, $4). Throws for a statement without a range, which
 * would be executed on all rows again and again.
 */
export function inRange(statement: string): string {
  if (statement.search(RANGE) < 0) throw new Error(`A statement in batches names no range: ${statement.slice(0, 80)}`);
  return statement.replaceAll(
    RANGE,
    '(($1.user_id, $1.session_id) > ($$1, $$2) AND ($1.user_id, $1.session_id) <= ($$3, $$4))',
  );
}

/** The whole migration as one script, for stores that nobody else uses meanwhile. */
export function asScript({ parts }: Migration): string {
  return parts
    .map(({ kind, sql }) => (kind === 'concurrently' ? sql.replaceAll(/\bINDEX CONCURRENTLY\b/g, 'INDEX') : sql))
    .join('\n');
}
