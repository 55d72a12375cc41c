import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { writeCacheFile } from '../../assets/write-cache-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('a file is kept whole, in folders that are made, and replaces an older one', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a', 'b', 'kept.js');
  await writeCacheFile(path, 'old');
  await writeCacheFile(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect(await readdir(join(folder, 'a', 'b'))).toEqual(['kept.js']);
});

test('a cache that cannot be written is named in one warning, and nothing fails', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  onTestFinished(() => warn.mockRestore());
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  const path = join(folder, 'file', 'kept.js');
  await writeCacheFile(path, 'content');
  await writeCacheFile(path, 'content');
  expect(warn).toHaveBeenCalledExactlyOnceWith(
    expect.stringMatching(/^Cannot write the cache \(.*file.*\)\. Set PERDURE_CACHE/),
    expect.objectContaining({ type: 'PerdureCacheWarning' }),
  );
});
