import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PerdureError } from '../../contracts/errors.ts';

/** Stores archives as files named `<id>.json.gz`. */
export interface ArchiveFolder {
  /** Resolves once the file is synced to disk. */
  write(id: string, data: Buffer): Promise<void>;
  /** Throws `store_unavailable` when the file cannot be read. */
  read(id: string): Promise<Buffer>;
  /** Does nothing when there is no such file. */
  remove(id: string): Promise<void>;
}

/** Opens the archive folder (`PERDURE_ARCHIVES`), which every worker and gateway must see under the same path. Created on the first write. */
export function archiveFolder(path: string): ArchiveFolder {
  const fileOf = (id: string): string => join(path, `${id}.json.gz`);
  return {
    async write(id, data) {
      await mkdir(path, { recursive: true });
      const draft = join(path, `.${randomUUID()}`);
      const file = await open(draft, 'wx', 0o600);
      try {
        await file.writeFile(data);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, fileOf(id));
    },
    async read(id) {
      try {
        return await readFile(fileOf(id));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        throw new PerdureError(
          'store_unavailable',
          `The archive ${fileOf(id)} cannot be read (${code ?? 'unknown reason'}). Check PERDURE_ARCHIVES, or restore the file.`,
        );
      }
    },
    remove: async (id) => await rm(fileOf(id), { force: true }),
  };
}
