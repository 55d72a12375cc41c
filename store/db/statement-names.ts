/** Statements that a connection keeps prepared. More different texts than the store has means that somebody builds them from values. */
const MOST = 256;

/** Names for statements that are worth preparing: the first ones of up to {@link MOST} different texts. */
export function statementNames(): (sql: string) => string | undefined {
  const names = new Map<string, string>();
  return (sql) => {
    const known = names.get(sql);
    if (known !== undefined || names.size >= MOST) return known;
    const name = `perdure_${names.size + 1}`;
    names.set(sql, name);
    return name;
  };
}
