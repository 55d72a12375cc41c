import type { CommandDeps } from '../shared/command-deps.ts';
import { formatTable } from './format-table.ts';

/** Prints rows as a table, on a terminal within its width. */
export function printTable(
  { print, terminal }: Pick<CommandDeps, 'print' | 'terminal'>,
  rows: readonly (readonly string[])[],
): void {
  const lines = formatTable(rows, terminal ? process.stdout.columns : undefined);
  for (const line of lines) print(line);
}
