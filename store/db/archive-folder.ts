import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PerdureError } from '../../contracts/errors.ts';

/** Stores archives as files named `<id>.json.gz`. Methods throw `store_unavailable` when the file system fails. */
export interface ArchiveFolder {
  /** Resolves once the file is synced to disk. */
  write(id: string, data: Buffer): Promise<void>;
  read(id: string): Promise<Buffer>;
  /** Also removes what a writer that died has left of it. Does nothing when there is no such file. */
  remove(id: string): Promise<void>;
}

/** Opens the archive folder (`PERDURE_ARCHIVES`), which every worker and gateway must see under the same path. Created on the first write. */
export function archiveFolder(path: string): ArchiveFolder {
  const fileOf = (id: string): string => join(path, `${id}.json.gz`);
  // Of one writer, because each document has an id of its own.
  const draftOf = (id: string): string => join(path, `.${id}.json.gz`);
  return {
    write: (id, data) =>
      orUnavailable(
        `The archive ${fileOf(id)} cannot be written`,
        'Check PERDURE_ARCHIVES and the space on its disk.',
        async () => {
          await mkdir(path, { recursive: true, mode: 0o700 });
          const file = await open(draftOf(id), 'w', 0o600);
          try {
            await file.writeFile(data);
            await file.sync();
          } finally {
            await file.close();
          }
          await rename(draftOf(id), fileOf(id));
        },
      ),
    read: (id) =>
      orUnavailable(`The archive ${fileOf(id)} cannot be read`, 'Check PERDURE_ARCHIVES, or restore the file.', () =>
        readFile(fileOf(id)),
      ),
    remove: (id) =>
      orUnavailable(`The archive ${fileOf(id)} cannot be removed`, 'Check PERDURE_ARCHIVES.', async () => {
        await rm(draftOf(id), { force: true });
        await rm(fileOf(id), { force: true });
      }),
  };
}

async function orUnavailable<T>(failure: string, remedy: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new PerdureError('store_unavailable', `${failure} (${code ?? 'unknown reason'}). ${remedy}`);
  }
}
