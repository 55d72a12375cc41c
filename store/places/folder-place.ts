import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PerdureError } from '../../contracts/errors.ts';
import type { AttachmentPlace } from './attachment-place.ts';

/** Begins the names of files that are being written. */
const DRAFT = '.draft-';
/** Bytes that one read returns at most. */
const PIECE_BYTES = 256 * 1024;

/** A folder that every worker and gateway sees under the same path. Created on the first write. */
export function folderPlace(folder: string): AttachmentPlace {
  const fileOf = (key: string): string => join(folder, ...key.split('/'));
  const failed = (what: string, error: unknown): PerdureError =>
    new PerdureError(
      'store_unavailable',
      `The folder of attachments ${JSON.stringify(folder)} cannot be ${what} (${codeOf(error)}). Check attachments.folder in the deployment file, its permissions and the space on its disk.`,
      { retryAfterMs: 1_000 },
    );
  return {
    name: 'folder',
    description: `the folder ${folder}`,
    async write(key, content) {
      const file = fileOf(key);
      const draft = join(dirname(file), `${DRAFT}${randomUUID()}`);
      const handle = await (async () => {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        return await open(draft, 'wx', 0o600);
      })().catch((error: unknown) => {
        throw failed('written', error);
      });
      try {
        // Errors of the content pass unchanged.
        for await (const piece of content) {
          await handle.writeFile(piece).catch((error: unknown) => {
            throw failed('written', error);
          });
        }
        try {
          await handle.sync();
          await handle.close();
          await rename(draft, file);
          await syncFolder(dirname(file));
        } catch (error) {
          throw failed('written', error);
        }
      } catch (error) {
        await handle.close().catch(() => {});
        await rm(draft, { force: true }).catch(() => {});
        throw error;
      }
    },
    async *read(key, { start, end }) {
      if (end <= start) return;
      try {
        const stream = createReadStream(fileOf(key), { start, end: end - 1, highWaterMark: PIECE_BYTES });
        for await (const piece of stream) yield piece as Buffer;
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw failed('read', error);
      }
    },
    remove: (key) =>
      rm(fileOf(key), { force: true }).catch((error: unknown) => {
        throw failed('changed', error);
      }),
    async *list(prefix) {
      for (const { key, path } of await filesUnder(folder, prefix, failed)) {
        const written = key.includes(DRAFT) ? null : await stat(path).catch(() => null);
        if (written !== null) yield { key, writtenAt: written.mtime };
      }
    },
    async removeIncomplete(prefix, before) {
      for (const { key, path } of await filesUnder(folder, prefix, failed)) {
        if (!key.includes(DRAFT)) continue;
        const written = await stat(path).catch(() => null);
        if (written === null || written.mtime >= before) continue;
        await rm(path, { force: true }).catch((error: unknown) => {
          throw failed('changed', error);
        });
      }
    },
    close: () => {},
  };
}

/** The files directly in the folder that `prefix` names. */
async function filesUnder(
  folder: string,
  prefix: string,
  failed: (what: string, error: unknown) => PerdureError,
): Promise<readonly { readonly key: string; readonly path: string }[]> {
  const root = join(folder, ...prefix.split('/'));
  const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw failed('read', error);
  });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => ({ key: `${prefix}${name}`, path: join(root, name) }));
}

/** Makes the name of a new file durable, where the system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => {});
  await handle?.close().catch(() => {});
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
