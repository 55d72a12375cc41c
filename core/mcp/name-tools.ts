/** The most characters in the name of a tool, as providers require. */
const MAX_CHARACTERS = 64;

/**
 * The names under which a run has the tools of an MCP server, in their order. A name has only letters, digits, `_` and `-`. One
 * that another tool of the run has, too, gets the server's name in front; if that is not enough, a number at its end.
 */
export function nameTools(server: string, names: readonly string[], taken: ReadonlySet<string>): string[] {
  const used = new Set(taken);
  return names.map((name) => {
    const bare = shortened(name.replaceAll(/[^A-Za-z0-9_-]/g, '_'));
    const candidates = [bare, shortened(`${server}_${bare}`)];
    const free = candidates.find((candidate) => !used.has(candidate)) ?? numbered(candidates[1] ?? bare, used);
    used.add(free);
    return free;
  });
}

function numbered(name: string, used: ReadonlySet<string>): string {
  for (let number = 2; ; number++) {
    const suffix = `_${number}`;
    const candidate = `${name.slice(0, MAX_CHARACTERS - suffix.length)}${suffix}`;
    if (!used.has(candidate)) return candidate;
  }
}

function shortened(name: string): string {
  return name.slice(0, MAX_CHARACTERS);
}
