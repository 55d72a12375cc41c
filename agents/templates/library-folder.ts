import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Perdure's own folder `agents`. In a clone it is at the default path of the folder of agents. */
const LIBRARY = fileURLToPath(new URL('..', import.meta.url));

/** Whether a folder is Perdure's own code and not a folder of agents. */
export function isLibraryFolder(folder: string): boolean {
  return resolve(folder) === resolve(LIBRARY);
}
