import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { CommandDeps } from '../shared/command-deps.ts';
import { packageVersion } from '../../assets/package-files.ts';
import { missingFrom, parsePackageJson } from './package-json.ts';
import { projectFiles } from './project-files.ts';
import { checkProjectName } from './project-name.ts';
import { readProjectFolder, writeProject } from './write-project.ts';
import type { WrittenFile } from './write-project.ts';

export interface InitOptions {
  /** The package name. Default: the folder's name. */
  readonly name?: string;
}

/** `perdure init`: creates a project in a new or empty folder, or adds the missing files to an npm project. */
export async function init(deps: CommandDeps, given: string, options: InitOptions): Promise<void> {
  const folder = resolve(given);
  const shown = folder === process.cwd() ? '.' : given;
  const isProject = (await readProjectFolder(shown)).includes('package.json');
  // An npm project keeps its name and its README.
  const name = isProject ? basename(folder) : checkProjectName(options.name ?? basename(folder));
  const template = projectFiles({ name, version: packageVersion() });
  const files = await writeProject(
    shown,
    template.filter(({ path }) => !isProject || path !== 'README.md'),
  );
  const next = await nextCommands(folder, shown, files);
  if (deps.json) deps.printJson({ folder, files, next });
  else for (const line of report(files, shown, next)) deps.print(line);
}

/** Returns the commands to run next. */
async function nextCommands(folder: string, shown: string, files: readonly WrittenFile[]): Promise<readonly string[]> {
  const parsed = parsePackageJson(await readFile(join(folder, 'package.json'), 'utf8'));
  const missing = missingFrom(parsed, ['perdure', 'zod']);
  const hasNewConfig = files.some(({ path, action }) => path === 'tsconfig.json' && action === 'created');
  const missingTypes = hasNewConfig ? missingFrom(parsed, ['typescript', '@types/node']) : [];
  return [
    ...(shown === '.' ? [] : [`cd ${/[^\w./\\:@~+-]/.test(shown) ? JSON.stringify(shown) : shown}`]),
    ['npm install', ...missing].join(' '),
    ...(missingTypes.length === 0 ? [] : [`npm install --save-dev ${missingTypes.join(' ')}`]),
    parsed?.scripts?.['start']?.includes('perdure start') ? 'npm start' : 'npx perdure start',
  ];
}

function report(files: readonly WrittenFile[], shown: string, next: readonly string[]): readonly string[] {
  const place = shown === '.' ? 'this folder' : shown;
  const isComplete = files.every(({ advice }) => advice === null);
  const ready = `The project in ${place} is ready.`;
  const unchanged = isComplete ? `${place} is complete` : 'update the existing files as described above';
  return [
    ...files.map(lineOf),
    '',
    files.some(({ action }) => action === 'created') ? ready : `Nothing was changed: ${unchanged}.`,
    'Next:',
    '',
    ...next.map((command) => `  ${command}`),
    '',
    'Then, in another terminal in that folder:',
    '',
    '  npx perdure chat',
  ];
}

function lineOf({ path, action, advice }: WrittenFile): string {
  return `${action} ${path}${advice === null ? '' : `: ${advice}`}`;
}
