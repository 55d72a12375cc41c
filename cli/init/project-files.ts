import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assetPath } from '../../assets/package-files.ts';

/** A file of a new project. */
export interface ProjectFile {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly content: string;
}

const TEMPLATE = assetPath('cli/init/template');

/** Path in the project → path in the template. The names differ where npm or a tool would process the template itself. */
const FILES: Readonly<Record<string, string>> = {
  'agents/assistant.yaml': 'agents/assistant.yaml',
  'agents/support.ts': 'agents/support.ts.txt',
  'perdure.yaml': 'perdure.yaml',
  'package.json': 'package.template.json',
  'tsconfig.json': 'tsconfig.template.json',
  'README.md': 'README.md',
  '.env.example': 'env.example',
  '.gitignore': 'gitignore',
};

/** The files of a new project. `version` is Perdure's. */
export function projectFiles(values: { readonly name: string; readonly version: string }): readonly ProjectFile[] {
  return Object.entries(FILES).map(([path, template]) => ({
    path,
    content: readFileSync(join(TEMPLATE, template), 'utf8')
      .replaceAll('{{name}}', values.name)
      .replaceAll('{{version}}', values.version),
  }));
}
