import type { Db, Tx } from '../../../store/db/db.ts';

/** Every row of every table of the schema as JSON text, bytes as text where they are text, with the name of its table. */
export async function allRows(db: Tx): Promise<{ table: string; row: string }[]> {
  const tables = await db.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'perdure' AND table_type = 'BASE TABLE'`,
  );
  const found: { table: string; row: string }[] = [];
  for (const { name } of tables) {
    const bytes = await db.query<{ column: string }>(
      `SELECT column_name AS column FROM information_schema.columns
        WHERE table_schema = 'perdure' AND table_name = $1 AND data_type = 'bytea'`,
      [name],
    );
    const texts = bytes.map(({ column }) => `encode("${column}", 'escape')`);
    const rows = await db.query<{ row: string }>(
      `SELECT concat_ws(' ', row_to_json(t)::text${texts.map((text) => `, ${text}`).join('')}) AS row FROM perdure."${name}" t`,
    );
    found.push(...rows.map(({ row }) => ({ table: name, row })));
  }
  return found;
}

/** The tables that have rows with the text, each with one of them. */
export async function tablesWith(db: Db, text: string): Promise<Record<string, string>> {
  const rows = (await allRows(db)).filter(({ row }) => row.includes(text));
  return Object.fromEntries(rows.map(({ table, row }) => [table, row]));
}
