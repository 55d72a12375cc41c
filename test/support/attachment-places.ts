import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttachmentSettings } from '../../contracts/attachments/attachment-settings.ts';
import { startObjectStore } from './object-store.ts';

/** A place for attachments in a test. */
export interface TestPlace {
  readonly settings: AttachmentSettings;
  /** The keys of all contents there, also of incomplete ones. */
  keys(): Promise<string[]>;
  close(): Promise<void>;
}

/** The credentials that the stub accepts: any. */
export function setTestCredentials(): void {
  process.env['AWS_ACCESS_KEY_ID'] ??= 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] ??= 'test';
}

export async function openTestPlace(kind: 'folder' | 's3'): Promise<TestPlace> {
  if (kind === 'folder') {
    const folder = await mkdtemp(join(tmpdir(), 'perdure-attachments-'));
    return {
      settings: { store: 'folder', folder },
      async keys() {
        const entries = await readdir(folder, { recursive: true, withFileTypes: true });
        return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  }
  setTestCredentials();
  const store = await startObjectStore();
  return {
    settings: { store: 's3', s3: { bucket: store.bucket, endpoint: store.endpoint, prefix: 'shared/' } },
    keys: async () => [...store.objects.keys(), ...[...store.uploads.values()].map(({ key }) => key)],
    close: () => store.close(),
  };
}
