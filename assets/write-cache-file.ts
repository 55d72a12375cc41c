import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a cache file atomically. On failure it emits one process warning per path instead of throwing: the cache only
 * saves time.
 */
export async function writeCacheFile(path: string, content: string | ReadableStream): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(draft, content);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    warnOnce(path, error);
  }
}

const warned = new Set<string>();

function warnOnce(path: string, error: unknown): void {
  if (warned.has(path)) return;
  warned.add(path);
  const reason = error instanceof Error ? error.message : String(error);
  process.emitWarning(`Cannot write the cache (${reason}). Set PERDURE_CACHE to a writable folder.`, {
    type: 'PerdureCacheWarning',
    detail: 'Each start creates this file again, which takes seconds.',
  });
}
