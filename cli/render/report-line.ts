import { wrapText } from './word-wrap.ts';

/** Reports on standard error what happens beside the output, on a terminal wrapped at words. */
export function reportLine(line: string): void {
  process.stderr.write(`${wrapText(line, process.stderr.isTTY ? process.stderr.columns || undefined : undefined)}\n`);
}
