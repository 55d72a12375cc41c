import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the store does with a request, instead of what it should. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly code: string }
  /** Sends half of the body and closes the connection. */
  | { readonly kind: 'cut' }
  /** Sends the body a few bytes at a time. */
  | { readonly kind: 'slow' };

export interface ObjectRequest {
  readonly method: string;
  /** Of the object; empty for the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly bodyBytes: number;
}

/** A server of the interface of S3, in memory, with one bucket. It refuses requests without a signature of version 4. */
export interface ObjectStore {
  readonly endpoint: string;
  readonly bucket: string;
  readonly objects: Map<string, { content: Buffer; writtenAt: Date }>;
  /** Multipart uploads that are neither complete nor aborted. */
  readonly uploads: Map<string, { readonly key: string; readonly parts: Map<number, Buffer>; startedAt: Date }>;
  readonly requests: ObjectRequest[];
  /** Applied to the requests that come next, one each; null is none. */
  readonly faults: ((request: ObjectRequest) => Fault | null)[];
  close(): Promise<void>;
}

export async function startObjectStore(bucket = 'attachments'): Promise<ObjectStore> {
  const objects: ObjectStore['objects'] = new Map();
  const uploads: ObjectStore['uploads'] = new Map();
  const requests: ObjectRequest[] = [];
  const faults: ObjectStore['faults'] = [];
  const server = createServer((request, response) => {
    void respond(request, response).catch(() => response.destroy());
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://store');
    const [, found = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const body = decoded(request, await read(request));
    const seen = { method: request.method ?? '', key: rest.join('/'), query: url.searchParams, bodyBytes: body.length };
    requests.push(seen);
    const fault = faults.map((one) => one(seen)).find((one) => one !== null) ?? null;
    if (fault !== null) faults.splice(0, 1);
    if (fault?.kind === 'status') return fail(response, fault.status, fault.code);
    if (
      !/^AWS4-HMAC-SHA256 Credential=\S+, ?SignedHeaders=\S*host\S*, ?Signature=[0-9a-f]{64}$/.test(
        request.headers.authorization ?? '',
      )
    )
      return fail(response, 403, 'AccessDenied');
    if (found !== bucket) return fail(response, 404, 'NoSuchBucket');
    handle(seen, request, response, body, fault);
  }

  function handle(
    { method, key, query }: ObjectRequest,
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer,
    fault: Fault | null,
  ): void {
    const upload = uploads.get(query.get('uploadId') ?? '');
    if (key === '' && query.has('uploads')) {
      const found = [...uploads].filter(([, one]) => one.key.startsWith(query.get('prefix') ?? ''));
      const list = found.map(
        ([id, one]) =>
          `<Upload><Key>${one.key}</Key><UploadId>${id}</UploadId><Initiated>${one.startedAt.toISOString()}</Initiated></Upload>`,
      );
      return xml(response, `<ListMultipartUploadsResult>${list.join('')}</ListMultipartUploadsResult>`);
    }
    if (key === '') return listObjects(response, query);
    if (method === 'POST' && query.has('uploads')) {
      const id = randomUUID();
      uploads.set(id, { key, parts: new Map(), startedAt: new Date() });
      return xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
    }
    if (query.has('uploadId') && upload === undefined) return fail(response, 404, 'NoSuchUpload');
    if (method === 'PUT' && upload !== undefined) {
      upload.parts.set(Number(query.get('partNumber')), body);
      return void response.setHeader('etag', `"${md5(body)}"`).end();
    }
    if (method === 'POST' && upload !== undefined) {
      const parts = [...upload.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part);
      if (parts.slice(0, -1).some((part) => part.length < 5 * 1024 * 1024))
        return fail(response, 400, 'EntityTooSmall');
      objects.set(key, { content: Buffer.concat(parts), writtenAt: new Date() });
      uploads.delete(query.get('uploadId') ?? '');
      return xml(
        response,
        `<CompleteMultipartUploadResult><ETag>"x-${parts.length}"</ETag></CompleteMultipartUploadResult>`,
      );
    }
    if (method === 'PUT') {
      objects.set(key, { content: body, writtenAt: new Date() });
      return void response.setHeader('etag', `"${md5(body)}"`).end();
    }
    if (method === 'DELETE') {
      if (query.has('uploadId')) uploads.delete(query.get('uploadId') ?? '');
      else objects.delete(key);
      return void response.writeHead(204).end();
    }
    const object = objects.get(key);
    if (object === undefined) return fail(response, 404, 'NoSuchKey');
    const [, first = '0', last = ''] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const part = object.content.subarray(Number(first), last === '' ? undefined : Number(last) + 1);
    response.writeHead(request.headers.range === undefined ? 200 : 206, { 'content-length': part.length });
    if (fault?.kind === 'cut') return void response.write(part.subarray(0, part.length / 2), () => response.destroy());
    if (fault?.kind !== 'slow') return void response.end(part);
    for (let at = 0; at < part.length; at += 1_000) response.write(part.subarray(at, at + 1_000));
    response.end();
  }

  function listObjects(response: ServerResponse, query: URLSearchParams): void {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted();
    // Small pages, so that there are several.
    const page = keys.slice(0, 2);
    const contents = page.map(
      (key) =>
        `<Contents><Key>${key}</Key><LastModified>${objects.get(key)?.writtenAt.toISOString()}</LastModified></Contents>`,
    );
    const more = keys.length > page.length;
    xml(
      response,
      `<ListBucketResult><IsTruncated>${more}</IsTruncated>${more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''}${contents.join('')}</ListBucketResult>`,
    );
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    objects,
    uploads,
    requests,
    faults,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Takes apart the chunks of a signed stream. */
function decoded({ headers }: IncomingMessage, body: Buffer): Buffer {
  if (headers['content-encoding'] !== 'aws-chunked') return body;
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.subarray(at, lineEnd).toString(), 16);
    if (!size) break;
    pieces.push(body.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 4 + size;
  }
  return Buffer.concat(pieces);
}

function xml(response: ServerResponse, body: string): void {
  response.setHeader('content-type', 'application/xml').end(`<?xml version="1.0" encoding="UTF-8"?>${body}`);
}

function fail(response: ServerResponse, status: number, code: string): void {
  response.statusCode = status;
  xml(response, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

function md5(content: Buffer): string {
  return createHash('md5').update(content).digest('hex');
}
