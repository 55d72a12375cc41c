import { pipeline, type Readable, type Transform } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** More codings, one in the other, are refused. */
const MAX_CODINGS = 5;

// Each piece is decoded when it arrives, and a body that ends early is given as far as it came: what `fetch` does.
const ZLIB = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };
const BROTLI = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH };
const ZSTD = {
  flush: constants.ZSTD_e_continue,
  finishFlush: constants.ZSTD_e_end,
  /** The window that RFC 9659 allows: 8 MiB. */
  params: { [constants.ZSTD_d_windowLogMax]: 23 },
};

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(ZLIB),
  'x-gzip': () => createGunzip(ZLIB),
  deflate: () => createInflate(ZLIB),
  br: () => createBrotliDecompress(BROTLI),
  zstd: () => createZstdDecompress(ZSTD),
};

/** Decodes the body of a response by its `Content-Encoding`. A body with an unknown coding stays as it is. */
export function decodeBody(body: Readable, contentEncoding: string | null): Readable {
  if (contentEncoding === null) return body;
  const codings = contentEncoding.toLowerCase().split(',');
  if (codings.length > MAX_CODINGS) {
    throw new TypeError(`The response has ${codings.length} content codings; at most ${MAX_CODINGS} are decoded.`);
  }
  const decoders = codings.toReversed().map((coding) => DECODERS[coding.trim()]);
  if (!decoders.every((decoder) => decoder !== undefined)) return body;
  const decoded = pipeline([body, ...decoders.map((create) => create())], () => undefined) as unknown as Readable;
  // The reader of the last stream gets the error of any; it may begin to read after that.
  return decoded.on('error', () => undefined);
}
