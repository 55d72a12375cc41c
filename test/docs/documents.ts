import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The repository's root. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** A file of the repository by its path from the root. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Paths, from the root, of every document. */
export const DOCUMENTS: readonly string[] = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT }).toSorted();

/** Paths, from the root, of every source file. */
export const SOURCES: readonly string[] = globSync(['**/*.ts', 'bin/*.js'], {
  cwd: ROOT,
  exclude: (path) =>
    /^(node_modules|dist|dist-packages|test|bench|chaos|examples|packages|\.[\w-]+)$|\.config\.ts$/.test(path),
}).toSorted();

/** Paths, from the root, of what tests stand on. */
export const TEST_SUPPORT: readonly string[] = globSync('test/support/**/*.{ts,sh}', { cwd: ROOT }).toSorted();

export interface CodeBlock {
  /** `ts`, `bash`, …; empty for none. */
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a document, in order; those in lists are taken without their indent. */
export function codeBlocks(markdown: string): readonly CodeBlock[] {
  return [...markdown.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].map(([, indent = '', language = '', code = '']) => ({
    language,
    code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
}

/** The first cell of each row of every table in a document, without its code marks; several names in one cell count each. */
export function tableNames(markdown: string): readonly string[] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name));
}

/** The cells of the table row whose first cell is `name`. */
export function tableRow(markdown: string, name: string): readonly string[] | undefined {
  const row = markdown.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
  return row?.split('|').map((cell) => cell.trim());
}

/** The text under a heading, to the next one of its level or above. What looks like a heading in code is none. */
export function section(markdown: string, heading: string): string {
  const lines = markdown.split('\n');
  let inCode = false;
  const levels = lines.map((line) => {
    if (/^ *```/.test(line)) inCode = !inCode;
    return inCode ? 0 : (/^(#+) /.exec(line)?.[1]?.length ?? 0);
  });
  const from = lines.findIndex((line, at) => (levels[at] ?? 0) > 0 && line.replace(/^#+ /, '') === heading);
  if (from === -1) throw new Error(`There is no heading ${JSON.stringify(heading)}.`);
  const own = levels[from] ?? 0;
  const to = levels.findIndex((level, at) => at > from && level > 0 && level <= own);
  return lines.slice(from + 1, to === -1 ? undefined : to).join('\n');
}
