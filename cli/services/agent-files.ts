import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, sep } from 'node:path';

/** Maps the path of each file, relative to the folder, to the hash of its content. */
export type FileHashes = ReadonlyMap<string, string>;

const AGENT_FILE = /\.(?:ya?ml|json|[cm]?[jt]s)$/;

/** Whether a path in the folder of agents is ignored: dot files and installed packages. */
export function isIgnored(folder: string, path: string): boolean {
  return relative(folder, path)
    .split(sep)
    .some((part) => part === 'node_modules' || (part.startsWith('.') && part !== '.' && part !== '..'));
}

/** Hashes the templates, modules and JSON files in the folder of agents and the folders below it. A missing folder has none. */
export async function hashAgentFiles(folder: string): Promise<FileHashes> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries
    .filter((entry) => !entry.isDirectory() && AGENT_FILE.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !isIgnored(folder, path));
  const hashes = await Promise.all(paths.map(async (path) => [relative(folder, path), await hashFile(path)] as const));
  return new Map(hashes.flatMap(([path, hash]) => (hash === null ? [] : [[path, hash]])));
}

/** Returns the hash of a file's content; null if it cannot be read. */
export async function hashFile(path: string): Promise<string | null> {
  const bytes = await readFile(path).catch(() => null);
  return bytes === null ? null : createHash('sha256').update(bytes).digest('hex');
}

/** Returns the sorted paths of changed, new and removed files. */
export function changedFiles(before: FileHashes, after: FileHashes): readonly string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).toSorted();
}

/** Whether a file is evaluated by Node, directly or because a module imports it. */
export function isCode(path: string): boolean {
  return !/\.ya?ml$/.test(basename(path));
}
