import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, extname, join } from 'node:path';

/** `.ts` in a checkout; `.js` in the built package. */
const EXTENSION = extname(import.meta.filename);

/** The folder of the source tree: the root of a checkout, or `dist` in the built package. */
const SOURCE_ROOT = dirname(import.meta.dirname);

/** The folder that contains `package.json`. */
export const PACKAGE_ROOT = existsSync(join(SOURCE_ROOT, 'package.json')) ? SOURCE_ROOT : dirname(SOURCE_ROOT);

/** Whether this is the built package. */
export const IS_BUILT = EXTENSION === '.js';

/** Resolves the path of a file or folder that is not code, such as `store/migrations`. The build copies these to `dist`. */
export function assetPath(path: string): string {
  return join(SOURCE_ROOT, path);
}

/** Resolves the path of a module that is loaded by path, such as `workflows/index`. */
export function modulePath(name: string): string {
  return join(SOURCE_ROOT, `${name}${EXTENSION}`);
}

/** Returns the version in `package.json`. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** Returns the cache folder: `PERDURE_CACHE`, else `$XDG_CACHE_HOME/perdure`, else `~/.cache/perdure`. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  return env['PERDURE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'perdure');
}

/** Returns the folder of Node's compile cache. `bin/perdure.js` uses the same one. */
export function compileCacheFolder(env?: Readonly<Record<string, string | undefined>>): string {
  return join(cacheFolder(env), 'compiled');
}
