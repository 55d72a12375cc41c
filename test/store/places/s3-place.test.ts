import { createHash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AttachmentPlace } from '../../../store/places/attachment-place.ts';
import { s3Place } from '../../../store/places/s3-place.ts';
import { setTestCredentials } from '../../support/attachment-places.ts';
import { startObjectStore, type ObjectStore } from '../../support/object-store.ts';

let store: ObjectStore;
let place: AttachmentPlace;

beforeEach(async () => {
  setTestCredentials();
  store = await startObjectStore();
  place = s3Place({ bucket: store.bucket, endpoint: store.endpoint, prefix: 'ours/' });
});
afterEach(async () => {
  place.close();
  await store.close();
});

async function* pieces(content: Buffer, size = 256 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function contentOf(key: string, start: number, end: number): Promise<Buffer> {
  const read: Buffer[] = [];
  for await (const piece of place.read(key, { start, end })) read.push(piece);
  return Buffer.concat(read);
}

test('a content is written in parts of 5 MiB, and read in ranges', async () => {
  const content = randomBytes(12 * 1024 * 1024 + 7);
  await place.write('a/large', pieces(content));
  expect(store.objects.get('ours/a/large')?.content.equals(content)).toBe(true);
  expect(Math.max(...store.requests.map(({ bodyBytes }) => bodyBytes))).toBe(5 * 1024 * 1024);
  expect((await contentOf('a/large', 0, content.length)).equals(content)).toBe(true);
  expect((await contentOf('a/large', 5_000_000, 5_000_010)).equals(content.subarray(5_000_000, 5_000_010))).toBe(true);
  expect(store.uploads.size).toBe(0);
});

test('no more than a few parts of a content are taken before they are sent', async () => {
  let taken = 0;
  const ahead: number[] = [];
  async function* counted() {
    for (let at = 0; at < 25; at += 1) {
      taken += 1024 * 1024;
      ahead.push(taken - store.requests.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0));
      yield Buffer.alloc(1024 * 1024, at);
    }
  }
  await place.write('a/streamed', counted());
  expect(Math.max(...ahead)).toBeLessThanOrEqual(3 * 5 * 1024 * 1024);
});

test('an upload that is cut leaves nothing, and its error is that of the content', async () => {
  const cut = new Error('cut');
  async function* content() {
    yield randomBytes(11 * 1024 * 1024);
    throw cut;
  }
  await expect(place.write('a/cut', content())).rejects.toBe(cut);
  expect(store.objects.size).toBe(0);
  expect(store.uploads.size).toBe(0);
});

const busy = () => ({ kind: 'status', status: 503, code: 'SlowDown' }) as const;

test('a request that is refused with 503 is sent again', async () => {
  store.faults.push(busy);
  await place.write('a/busy', pieces(Buffer.from('content')));
  store.faults.push(busy, busy);
  expect(String(await contentOf('a/busy', 0, 7))).toBe('content');
  expect(store.requests.map(({ method }) => method)).toEqual(['PUT', 'PUT', 'GET', 'GET', 'GET']);
});

test('a response that is cut off is continued from where it was', async () => {
  const content = randomBytes(200_000);
  await place.write('a/cut', pieces(content));
  store.faults.push(
    () => ({ kind: 'cut' }),
    () => ({ kind: 'cut' }),
  );
  expect(hash(await contentOf('a/cut', 10, 200_000))).toBe(hash(content.subarray(10)));
  expect(store.requests.filter(({ method }) => method === 'GET')).toHaveLength(3);
});

test('a slow response is read to its end', async () => {
  const content = randomBytes(50_000);
  await place.write('a/slow', pieces(content));
  store.faults.push(() => ({ kind: 'slow' }));
  expect(hash(await contentOf('a/slow', 0, 50_000))).toBe(hash(content));
});

test('a content that is absent is read as nothing, and removed without an error', async () => {
  expect(await contentOf('a/none', 0, 10)).toHaveLength(0);
  await place.remove('a/none');
});

test.each([
  [
    403,
    'AccessDenied',
    /the bucket attachments at http:\S+ cannot be read \(AccessDenied, status 403\)\. Allow the credentials/,
  ],
  [404, 'NoSuchBucket', /Create the bucket/],
  [503, 'SlowDown', /status 503\)\. Check attachments\.s3/],
])('a request that fails with %s is store_unavailable, with a remedy', async (status, code, message) => {
  for (let at = 0; at < 4; at += 1) store.faults.push(() => ({ kind: 'status', status, code }));
  await expect(contentOf('a/any', 0, 10)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringMatching(message) as string,
  });
});

test('contents are listed over several pages, and uploads that were never completed are removed', async () => {
  for (const key of ['a/1', 'a/2', 'a/3', 'a/4', 'a/5', 'b/1']) await place.write(key, pieces(Buffer.from(key)));
  const keys: string[] = [];
  for await (const { key } of place.list('a/')) keys.push(key);
  expect(keys).toEqual(['a/1', 'a/2', 'a/3', 'a/4', 'a/5']);
  store.uploads.set('old', { key: 'ours/a/6', parts: new Map(), startedAt: new Date(0) });
  store.uploads.set('new', { key: 'ours/a/7', parts: new Map(), startedAt: new Date() });
  store.uploads.set('other', { key: 'theirs/a/6', parts: new Map(), startedAt: new Date(0) });
  await place.removeIncomplete('a/', new Date(Date.now() - 60_000));
  expect([...store.uploads.keys()]).toEqual(['new', 'other']);
});

function hash(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
