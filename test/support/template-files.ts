import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { loadTemplates } from '../../agents/templates/load-templates.ts';
import { TemplateError, type TemplateProblem } from '../../agents/templates/template-error.ts';
import { temporaryFolder } from './temporary-folder.ts';

type Files = Readonly<Record<string, string | Buffer>>;

/** The URL by which modules of a folder of agents import `perdure/agents`. */
export const FACE = pathToFileURL(fileURLToPath(new URL('../../agents/index.ts', import.meta.url))).href;

/** A folder with these files, by their paths in it. */
export async function folderOf(files: Files): Promise<string> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** The problems of the files, each as `file:line:column field: message`, with `FOLDER` for the folder in a message. */
export async function problemsOf(files: Files): Promise<readonly string[]> {
  const folder = await folderOf(files);
  const error: unknown = await loadTemplates(folder).then(
    () => expect.unreachable('the templates are valid'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TemplateError);
  const text = ({ file, line, column, field, message }: TemplateProblem): string =>
    `${file.slice(folder.length + 1)}:${line}:${column} ${field}: ${message}`.replaceAll(folder, 'FOLDER');
  return (error as TemplateError).problems.map(text);
}
