import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version of this package. Looks upwards, because compiled code lies one folder deeper than its source. */
export function packageVersion(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const { name, version } = readPackage(join(folder, 'package.json'));
    if (name === 'perdure' && version !== undefined) return version;
  }
  throw new Error('The package.json of perdure is missing. Install the package again.');
}

function readPackage(path: string): { readonly name?: string; readonly version?: string } {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
