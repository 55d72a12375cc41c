import { PerdureError } from '../../contracts/errors.ts';
import { byteRange, type ByteRange } from '../../core/attachments/byte-range.ts';
import { timedBody, type TimedBodyOptions } from './timed-body.ts';

/** A stored content to respond with. */
export interface StoredContent {
  readonly name: string;
  readonly contentType: string;
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly read: (range: ByteRange) => AsyncGenerator<Uint8Array>;
}

/**
 * Responds with a content that another user may have made, or with the requested range of it. The headers keep browsers from
 * executing it as a page of this origin. Throws `range_not_satisfiable`, and what the first read throws.
 */
export async function contentResponse(
  headers: Headers,
  content: StoredContent,
  options: TimedBodyOptions,
): Promise<Response> {
  const { name, contentType, size, sha256 } = content;
  const etag = `"${sha256}"`;
  const common = {
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-disposition': dispositionOf(name),
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    etag,
  };
  if (matches(headers.get('if-none-match'), etag)) {
    options.onEnd();
    return new Response(null, { status: 304, headers: common });
  }
  const condition = headers.get('if-range');
  const range = condition === null || condition === etag ? byteRange(headers.get('range'), size) : null;
  if (range === 'unsatisfiable') {
    options.onEnd();
    throw new PerdureError(
      'range_not_satisfiable',
      `The content has ${size} bytes. Request a range that begins before its end.`,
    );
  }
  const { start, end } = range ?? { start: 0, end: size };
  const pieces = await begun(content.read({ start, end }), end > start, options);
  return new Response(timedBody(pieces, options), {
    status: range === null ? 200 : 206,
    headers: {
      ...common,
      'content-type': contentType.startsWith('text/') ? `${contentType}; charset=utf-8` : contentType,
      'content-length': String(end - start),
      ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    },
  });
}

/** Reads the first piece, so that a content that cannot be read is an error and not a response that breaks off. */
async function begun(
  pieces: AsyncGenerator<Uint8Array>,
  isExpected: boolean,
  { onEnd }: TimedBodyOptions,
): Promise<AsyncGenerator<Uint8Array>> {
  try {
    const first = await pieces.next();
    if (first.done === true && isExpected) {
      throw new PerdureError(
        'not_found',
        'The content of the attachment is not there any more. Upload the file again.',
      );
    }
    return withFirst(first, pieces);
  } catch (error) {
    onEnd();
    throw error;
  }
}

async function* withFirst(
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (first.done !== true) yield first.value;
  yield* rest;
}

function matches(condition: string | null, etag: string): boolean {
  if (condition === null) return false;
  return condition.trim() === '*' || condition.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** RFC 6266, with the name in ASCII for old readers and in UTF-8 for others. */
function dispositionOf(name: string): string {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
