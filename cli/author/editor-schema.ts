import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { templateSchema } from '../../agents/templates/template-schema.ts';

/** Beside the templates. Its name begins with a dot, so it is no template. */
export const EDITOR_SCHEMA = '.agent.schema.json';

/** The first line of a YAML template, by which editors with the YAML language server find the schema. */
export const EDITOR_LINE = `# yaml-language-server: $schema=./${EDITOR_SCHEMA}`;

/** The schema as it is written to files and printed. */
export function editorSchema(): string {
  return `${JSON.stringify(templateSchema(), null, 2)}\n`;
}

/** Writes the schema of this version of Perdure beside the templates. */
export async function writeEditorSchema(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, EDITOR_SCHEMA), editorSchema());
}

/** Renews the schema beside the templates, if there is one. */
export async function renewEditorSchema(folder: string): Promise<void> {
  const written = await readFile(join(folder, EDITOR_SCHEMA), 'utf8').catch(() => null);
  if (written !== null && written !== editorSchema()) await writeEditorSchema(folder);
}
