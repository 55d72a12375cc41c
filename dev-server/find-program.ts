import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** EnvVars variables, such as `process.env`. */
export type EnvVars = Readonly<Record<string, string | undefined>>;

/** The path of the first program with that name on the `PATH` of `env`, or null. */
export function findProgram(name: string, env: EnvVars): string | null {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, file)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
