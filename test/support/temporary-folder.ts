import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Creates an empty folder, which is removed at the end of the test, or when `atEnd` says, such as `afterAll`. */
export async function temporaryFolder(atEnd: (remove: () => Promise<void>) => void = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perdure-test-'));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
