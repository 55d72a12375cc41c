import { isAbsolute, relative } from 'node:path';

/** A path as people read it: relative to the working directory where it lies below that, otherwise as it is. */
export function displayPath(path: string): string {
  if (!isAbsolute(path)) return path;
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}
