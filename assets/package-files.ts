import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, extname, join } from 'node:path';

/** `.ts` in a checkout, which runs from source; `.js` in the built package. */
const EXTENSION = extname(import.meta.filename);

/** The folder that holds the rooms: a checkout's root, or `dist` of the built package. */
const ROOMS = dirname(import.meta.dirname);

/** The folder of `package.json`. */
export const PACKAGE_ROOT = existsSync(join(ROOMS, 'package.json')) ? ROOMS : dirname(ROOMS);

/** Whether this code was compiled. */
export const IS_BUILT = EXTENSION === '.js';

/** Path of a file that lies in a room and is not code: `store/migrations`. The build copies it beside the code. */
export function assetPath(path: string): string {
  return join(ROOMS, path);
}

/** Path of a module that is loaded by its path, named without extension: `workflows/index`. */
export function modulePath(name: string): string {
  return join(ROOMS, `${name}${EXTENSION}`);
}

/** The version in `package.json`. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** Where files are kept that can be made again: `PERDURE_CACHE`, else `$XDG_CACHE_HOME/perdure`, else `~/.cache/perdure`. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env['PERDURE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'perdure');
}
