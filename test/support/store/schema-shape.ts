import type { Db } from '../../../store/db/db.ts';

/** What statements of a version rely on. */
export interface SchemaShape {
  /** By `table.column`. */
  readonly columns: ReadonlyMap<string, { readonly type: string; readonly mustBeGiven: boolean }>;
  /** Definitions of unique indexes by `table.index`. */
  readonly unique: ReadonlyMap<string, string>;
  /** Definitions of checks and foreign keys by `table.constraint`. */
  readonly constraints: ReadonlyMap<string, string>;
}

export async function shapeOf(db: Db): Promise<SchemaShape> {
  const columns = await db.query<{ name: string; type: string; must: boolean }>(`
    SELECT table_name || '.' || column_name AS name, data_type AS type,
           is_nullable = 'NO' AND column_default IS NULL AS must
      FROM information_schema.columns WHERE table_schema = 'perdure'`);
  const unique = await db.query<{ name: string; definition: string }>(`
    SELECT t.relname || '.' || i.relname AS name, pg_get_indexdef(i.oid) AS definition
      FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
     WHERE x.indisunique AND t.relnamespace = to_regnamespace('perdure')`);
  const constraints = await db.query<{ name: string; definition: string }>(`
    SELECT t.relname || '.' || c.conname AS name, pg_get_constraintdef(c.oid) AS definition
      FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
     WHERE c.contype IN ('c', 'f') AND c.connamespace = to_regnamespace('perdure')`);
  return {
    columns: new Map(columns.map(({ name, type, must }) => [name, { type, mustBeGiven: must }])),
    unique: new Map(unique.map(({ name, definition }) => [name, definition])),
    constraints: new Map(constraints.map(({ name, definition }) => [name, definition])),
  };
}

/** What a process that relies on `before` may not survive in `after`: empty if `after` only adds. */
export function narrowings(before: SchemaShape, after: SchemaShape): readonly string[] {
  const tables = new Set([...before.columns.keys()].map(tableOf));
  const isOld = (name: string): boolean => tables.has(tableOf(name));
  return [
    ...[...before.columns].flatMap(([name, { type }]) => {
      const now = after.columns.get(name);
      if (now === undefined) return [`${name} is gone`];
      return now.type === type ? [] : [`${name} has another type`];
    }),
    ...[...after.columns].flatMap(([name, { mustBeGiven }]) =>
      isOld(name) && mustBeGiven && !before.columns.get(name)?.mustBeGiven ? [`${name} must be given`] : [],
    ),
    ...[...after.unique].flatMap(([name, definition]) =>
      isOld(name) && before.unique.get(name) !== definition ? [`${name} must be unique`] : [],
    ),
    ...[...after.constraints].flatMap(([name, definition]) =>
      isOld(name) && before.constraints.get(name) !== definition ? [`${name} must hold`] : [],
    ),
  ];
}

function tableOf(name: string): string {
  return name.split('.', 1)[0] ?? '';
}
