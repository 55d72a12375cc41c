import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { PerdureError } from '../../contracts/errors.ts';
import type { BucketSettings } from '../../contracts/attachments/attachment-settings.ts';
import type { ByteRange } from '../../core/attachments/byte-range.ts';
import type { AttachmentPlace } from './attachment-place.ts';

/** Size of the parts in which a content is sent, the smallest that S3 takes. One of them is in memory. */
const PART_BYTES = 5 * 1024 * 1024;
/** Tries of one request. */
const MAX_ATTEMPTS = 4;
const CONNECT_MS = 5_000;
/** Time without a byte. */
const SILENCE_MS = 30_000;
/** How often a response that was cut off is continued. */
const MAX_CONTINUATIONS = 3;

type Sdk = typeof import('@aws-sdk/client-s3');

/** A bucket of Amazon S3, or of a store with its interface. The SDK is loaded with the first request. */
export function s3Place(settings: BucketSettings): AttachmentPlace {
  const { bucket, prefix = '' } = settings;
  const description = `the bucket ${bucket}${settings.endpoint === undefined ? '' : ` at ${settings.endpoint}`}`;
  let opened: Promise<{ sdk: Sdk; client: S3Client }> | null = null;
  const open = () => (opened ??= openClient(settings));
  const objectOf = (key: string) => ({ Bucket: bucket, Key: `${prefix}${key}` });

  async function call<T>(what: string, work: (sdk: Sdk, client: S3Client) => Promise<T>): Promise<T> {
    try {
      const { sdk, client } = await open();
      return await work(sdk, client);
    } catch (error) {
      throw failure(description, what, error);
    }
  }

  return {
    name: 's3',
    description,
    async write(key, content) {
      const { Upload } = await import('@aws-sdk/lib-storage');
      let broken: { readonly error: unknown } | null = null;
      // The SDK would wrap an error of the content.
      async function* pieces(): AsyncGenerator<Buffer> {
        try {
          yield* content;
        } catch (error) {
          broken = { error };
          throw error;
        }
      }
      try {
        await call('written', async (_, client) => {
          const params = { ...objectOf(key), Body: Readable.from(pieces(), { objectMode: false }) };
          // Aborts the upload when it fails.
          await new Upload({ client, params, partSize: PART_BYTES, queueSize: 1 }).done();
        });
      } catch (error) {
        throw broken === null ? error : (broken as { readonly error: unknown }).error;
      }
    },
    async *read(key, range) {
      const get = async ({ start, end }: ByteRange) =>
        await call('read', async (sdk, client) => {
          const request = new sdk.GetObjectCommand({ ...objectOf(key), Range: `bytes=${start}-${end - 1}` });
          return (await client.send(request)).Body as Readable;
        }).catch(nullIfAbsent);
      let at = range.start;
      for (let continued = 0; at < range.end; continued += 1) {
        const body = await get({ start: at, end: range.end });
        if (body === null) return;
        const before = at;
        try {
          for await (const piece of body) {
            const bytes = (piece as Buffer).subarray(0, range.end - at);
            at += bytes.length;
            yield bytes;
          }
          if (at < range.end) throw new Error('The response was cut off.');
        } catch (error) {
          if (continued >= MAX_CONTINUATIONS && at === before) throw failure(description, 'read', error);
          if (at > before) continued = -1;
        } finally {
          body.destroy();
        }
      }
    },
    async remove(key) {
      await call('changed', async (sdk, client) => await client.send(new sdk.DeleteObjectCommand(objectOf(key))));
    },
    async *list(under) {
      for (let token: string | undefined; ;) {
        const page = await call('listed', async (sdk, client) => {
          const request = { Bucket: bucket, Prefix: `${prefix}${under}`, ContinuationToken: token };
          return await client.send(new sdk.ListObjectsV2Command(request));
        });
        for (const { Key, LastModified } of page.Contents ?? []) {
          if (Key !== undefined) yield { key: Key.slice(prefix.length), writtenAt: LastModified ?? new Date() };
        }
        token = page.NextContinuationToken;
        if (page.IsTruncated !== true || token === undefined) return;
      }
    },
    async removeIncomplete(under, before) {
      await call('changed', async (sdk, client) => {
        const request = new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${prefix}${under}` });
        for (const { Key, UploadId, Initiated } of (await client.send(request)).Uploads ?? []) {
          if (Initiated === undefined || Initiated >= before) continue;
          await client.send(new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
        }
      });
    },
    close: () => void opened?.then(({ client }) => client.destroy()).catch(() => {}),
  };
}

async function openClient({ region, endpoint, pathStyle }: BucketSettings): Promise<{ sdk: Sdk; client: S3Client }> {
  const sdk = await import('@aws-sdk/client-s3');
  const client = new sdk.S3Client({
    ...(region === undefined ? {} : { region }),
    // Other stores have no regions, but the signature needs one.
    ...(endpoint === undefined ? {} : { endpoint, region: region ?? 'us-east-1' }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: SILENCE_MS, socketTimeout: SILENCE_MS },
    // Not every store has the checksums of Amazon's; Perdure keeps the hash of each content itself.
    ...(endpoint === undefined
      ? {}
      : { requestChecksumCalculation: 'WHEN_REQUIRED', responseChecksumValidation: 'WHEN_REQUIRED' }),
  });
  return { sdk, client };
}

/** A content that the bucket does not have. */
class AbsentError extends Error {}

function nullIfAbsent(error: unknown): null {
  if (error instanceof AbsentError) return null;
  throw error;
}

/** The error of a request, with its name and status as the SDK reports them, and without its text: that may quote a key. */
function failure(place: string, what: string, error: unknown): Error {
  if (error instanceof PerdureError || error instanceof AbsentError) return error;
  const { name, code, $metadata } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
  if (name === 'NoSuchKey') return new AbsentError();
  const status = $metadata?.httpStatusCode === undefined ? '' : `, status ${$metadata.httpStatusCode}`;
  return new PerdureError(
    'store_unavailable',
    `Attachments in ${place} cannot be ${what} (${code ?? name}${status}). ${remedyOf(name, $metadata?.httpStatusCode)}`,
    { retryAfterMs: 1_000 },
  );
}

function remedyOf(name: string, status: number | undefined): string {
  if (name === 'NoSuchBucket') return 'Create the bucket, or correct attachments.s3 in the deployment file.';
  if (name === 'CredentialsProviderError')
    return 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the process a role.';
  if (status === 401 || status === 403)
    return 'Allow the credentials to read, write, list and delete objects of the bucket, and to list and abort multipart uploads.';
  if (status === 301 || /region/i.test(name)) return 'Set attachments.s3.region to the region of the bucket.';
  return 'Check attachments.s3 in the deployment file, and whether the object store responds.';
}
