import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PerdureError } from '../../contracts/errors.ts';

/** Archives as files, each `<id>.json.gz`. */
export interface ArchiveFolder {
  /** Resolves when the file is on the disk. */
  write(id: string, data: Buffer): Promise<void>;
  /** Throws `store_unavailable` when it cannot be read. */
  read(id: string): Promise<Buffer>;
  remove(id: string): Promise<void>;
}

/** A folder (`PERDURE_ARCHIVES`) that every worker and gateway sees under the same path. Made when it is first written to. */
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
          `The archive ${fileOf(id)} cannot be read (${code ?? 'no reason known'}). Check PERDURE_ARCHIVES, or bring the file back.`,
        );
      }
    },
    remove: async (id) => await rm(fileOf(id), { force: true }),
  };
}
