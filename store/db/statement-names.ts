/** Statements that a connection keeps prepared. More different texts than the store has means that somebody builds them from values. */
const MAX_PREPARED_STATEMENTS = 256;

/** Names for statements that are worth preparing: the first ones of up to {@link MAX_PREPARED_STATEMENTS} different texts. */
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
