import type { CommandDeps } from '../shared/command-deps.ts';
import { terminalWidth } from './terminal-width.ts';
import { wrapText } from './word-wrap.ts';

/** Prints a text, on a terminal wrapped at words. For a command to paste use `hint`, which does not break it. */
export function printText(deps: Pick<CommandDeps, 'print' | 'terminal'>, text: string): void {
  deps.print(wrapText(text, terminalWidth(deps)));
}
