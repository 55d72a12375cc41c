import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { documentProcesses, type DocumentProcessOptions } from '../../../store/documents/document-process.ts';

/** An object with so many keys that the parser runs out of memory in native code, which no handler of errors in JavaScript sees. */
const HUGE = `{${Array.from({ length: 1_000_000 }, (_, index) => `"k${index}":1`).join(',')}}`;

function processes(options: DocumentProcessOptions) {
  const started = documentProcesses(options);
  onTestFinished(started.close);
  return started;
}

function importOf(text: string) {
  return { bytes: new TextEncoder().encode(text), user: 'ann', session: undefined };
}

test('a document that needs too much memory is refused, and the next one is read', async () => {
  const { prepareImport } = processes({ maxHeapMb: 48 });
  await expect(prepareImport(importOf(HUGE))).rejects.toMatchObject({
    code: 'too_large',
    message: 'The document takes more than 48 MB of memory to read. Import a smaller session.',
  });
  await expect(prepareImport(importOf('{}'))).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a document that needs too much memory does not end the reading of another one', async () => {
  const { prepareImport } = processes({ maxHeapMb: 48 });
  const [huge, small] = await Promise.allSettled([prepareImport(importOf(HUGE)), prepareImport(importOf('{}'))]);
  expect(huge).toMatchObject({ reason: { code: 'too_large' } });
  expect(small).toMatchObject({ reason: { code: 'invalid_request' } });
});

test('a document that takes too long is refused, and the next one is read', async () => {
  const { prepareImport } = processes({ maxTaskMs: 1 });
  const refused = { code: 'too_large', message: expect.stringContaining('more than 1 ms to read') };
  await expect(prepareImport(importOf(HUGE))).rejects.toMatchObject(refused);
  await expect(prepareImport(importOf('{}'))).rejects.toMatchObject(refused);
});

test('an archive that needs too much memory fails as the store', async () => {
  const { unpackArchive } = processes({ maxHeapMb: 48 });
  const failed = { code: 'store_unavailable', message: expect.stringContaining('48 MB of memory') };
  await expect(unpackArchive({ data: gzipSync(HUGE), messageIds: [] })).rejects.toMatchObject(failed);
});
