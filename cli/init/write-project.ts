import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { existingFileAdvice } from './existing-file-advice.ts';
import type { ProjectFile } from './project-files.ts';

/** The result for one file of the project. */
export interface WrittenFile {
  readonly path: string;
  readonly action: 'created' | 'kept';
  /** The changes that an existing file needs; null for none. */
  readonly advice: string | null;
}

/** Files that a folder for a new project may contain: those of a new repository or an editor. */
const ALLOWED =
  /^(?:\.git.*|\.idea|\.vscode|\.DS_Store|\.editorconfig|\.env.*|\.npmrc|LICEN[CS]E.*|README.*|Thumbs\.db)$/i;
const MAX_NAMES = 10;

/** Returns the sorted names in a folder; none if it does not exist. Throws if it is a file, or contains unrelated files. */
export async function readProjectFolder(folder: string): Promise<readonly string[]> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return [];
  if (!found.isDirectory()) {
    throw new CliError(`${folder} is a file. Choose a new or empty folder.`, EXIT.usage);
  }
  const names = (await readdir(folder)).toSorted();
  const others = names.filter((name) => !ALLOWED.test(name));
  if (others.length === 0 || names.includes('package.json')) return names;
  const more = others.length > MAX_NAMES ? [`  and ${others.length - MAX_NAMES} more`] : [];
  throw new CliError(
    [
      `${folder} is not empty and is not an npm project. It contains:`,
      ...others.slice(0, MAX_NAMES).map((name) => `  ${name}`),
      ...more,
      'Choose a new or empty folder. To add Perdure to this one, run `npm init` in it first.',
    ].join('\n'),
    EXIT.usage,
  );
}

/** Writes the missing files and never changes existing ones. Adds no agents to a folder `agents` that has files. */
export async function writeProject(folder: string, files: readonly ProjectFile[]): Promise<readonly WrittenFile[]> {
  const hasAgents = (await readdir(join(folder, 'agents')).catch(() => [])).some((name) => !name.startsWith('.'));
  const written: WrittenFile[] = [];
  for (const { path, content } of files) {
    if (hasAgents && path.startsWith('agents/')) continue;
    written.push(await writeIfMissing(folder, path, content));
  }
  return hasAgents ? [{ path: 'agents/', action: 'kept', advice: null }, ...written] : written;
}

async function writeIfMissing(folder: string, path: string, content: string): Promise<WrittenFile> {
  const file = join(folder, path);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { flag: 'wx' });
    return { path, action: 'created', advice: null };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' || path.startsWith('agents/')) {
      throw new CliError(
        `${file} cannot be written (${message}). Make its folder writable, or choose another.`,
        EXIT.failed,
      );
    }
  }
  return { path, action: 'kept', advice: existingFileAdvice(path, await readFile(file, 'utf8').catch(() => '')) };
}
