import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CliError, EXIT } from '../shared/exit-codes.ts';
import { existingFileAdvice } from './existing-file-advice.ts';
import type { ProjectFile } from './project-files.ts';

/** What became of one file of the project. */
export interface WrittenFile {
  readonly path: string;
  readonly action: 'created' | 'kept';
  /** What a kept file lacks; null for nothing. */
  readonly advice: string | null;
}

/** What a folder may have that a project is made in: what comes with a new repository or an editor. */
const HARMLESS =
  /^(?:\.git.*|\.idea|\.vscode|\.DS_Store|\.editorconfig|\.env.*|\.npmrc|LICEN[CS]E.*|README.*|Thumbs\.db)$/i;
const SHOWN = 10;

/** The names in a folder, sorted; none if it is absent. Throws if it is no folder, or holds files of something else. */
export async function readProjectFolder(folder: string): Promise<readonly string[]> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return [];
  if (!found.isDirectory()) {
    throw new CliError(`${folder} is a file. Name a folder that is new or empty.`, EXIT.usage);
  }
  const names = (await readdir(folder)).toSorted();
  const others = names.filter((name) => !HARMLESS.test(name));
  if (others.length === 0 || names.includes('package.json')) return names;
  const more = others.length > SHOWN ? [`  and ${others.length - SHOWN} more`] : [];
  throw new CliError(
    [
      `${folder} is not empty, and not an npm project. In the way are:`,
      ...others.slice(0, SHOWN).map((name) => `  ${name}`),
      ...more,
      'Name a folder that is new or empty. To add Perdure to what is there, run `npm init` in it first.',
    ].join('\n'),
    EXIT.usage,
  );
}

/** Writes the files that are missing. Never changes one that is there; a folder `agents` with files gets no further agents. */
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
        `${file} cannot be written (${message}). Make its folder writable, or name another.`,
        EXIT.failed,
      );
    }
  }
  return { path, action: 'kept', advice: existingFileAdvice(path, await readFile(file, 'utf8').catch(() => '')) };
}
