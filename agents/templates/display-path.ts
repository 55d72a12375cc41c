import { isAbsolute, relative } from 'node:path';

/** Shortens a path for messages: relative to the working directory if it is below it, otherwise unchanged. */
export function displayPath(path: string): string {
  if (!isAbsolute(path)) return path;
  const below = relative(process.cwd(), path);
  return below === '' || below.startsWith('..') || isAbsolute(below) ? path : below;
}
