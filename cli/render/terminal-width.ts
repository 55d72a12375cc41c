import type { CommandDeps } from '../shared/command-deps.ts';

/** The columns of the terminal; undefined if standard output is none, or its width is unknown. */
export function terminalWidth({ terminal }: Pick<CommandDeps, 'terminal'>): number | undefined {
  return terminal ? process.stdout.columns || undefined : undefined;
}
