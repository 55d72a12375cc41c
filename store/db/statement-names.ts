/** Prepared statements per connection. The store has fewer distinct texts; more would mean that a text is built from values. */
const MAX_PREPARED_STATEMENTS = 256;

/** Returns a function that names the first {@link MAX_PREPARED_STATEMENTS} distinct statement texts; undefined for later ones, which are not prepared. */
export function statementNames(): (sql: string) => string | undefined {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined || names.size >= MAX_PREPARED_STATEMENTS) return known;
    const name = `perdure_${names.size + 1}`;
    names.set(sql, name);
    return name;
  };
}
