import type { Readable } from 'node:stream';
import { PerdureError } from '../../contracts/errors.ts';
import { jsonProblem } from '../../contracts/json-schema.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { scanJson } from '../../core/json/scan-json.ts';
import type { BodyBudget } from './body-budget.ts';

/** How a body is read. */
export interface ReadBodyOptions {
  readonly maxBytes: number;
  /** Time to receive all of it. Default `LIMITS.requestMs`. */
  readonly maxMs?: number | undefined;
  /** What all requests may hold in memory at once. */
  readonly budget: BodyBudget;
  /** The remedy for a body over `maxBytes`. Default: to send less at once. */
  readonly remedy?: string | undefined;
  /** The body as Node's server receives it, which costs less than the stream of the request. Default: that stream. */
  readonly incoming?: Readable | undefined;
}

/**
 * Reads the JSON body of a request; undefined for an empty one. Its size and time are bounded while it is read, its depth
 * and its number of values before it is parsed.
 */
export async function readJsonBody(request: Request, options: ReadBodyOptions): Promise<unknown> {
  const bytes = await readBody(request, options);
  if (bytes.length === 0) return undefined;
  checkBounds(bytes);
  const value = parse(bytes);
  const problem = jsonProblem(value);
  if (problem !== null) throw new PerdureError('invalid_request', `The body ${problem}.`);
  return value;
}

/** Reads the body of a request that has the content type JSON, and no encoding such as gzip. */
export async function readBody(request: Request, options: ReadBodyOptions): Promise<Uint8Array<ArrayBuffer>> {
  checkContentEncoding(request.headers.get('content-encoding'));
  const bytes = await readBytes(request, options);
  if (bytes.length > 0) checkContentType(request.headers.get('content-type') ?? '');
  return bytes;
}

function checkContentEncoding(encoding: string | null): void {
  if (encoding === null || /^\s*(identity)?\s*$/i.test(encoding)) return;
  throw new PerdureError(
    'unsupported_media_type',
    `The body has the content encoding ${JSON.stringify(encoding.slice(0, 80))}. Send it without Content-Encoding.`,
  );
}

function checkContentType(type: string): void {
  if (/^application\/(?:[\w.+-]*\+)?json\b/i.test(type.trim())) return;
  const given = type === '' ? 'no content type' : `the content type ${JSON.stringify(type.slice(0, 80))}`;
  throw new PerdureError('invalid_request', `The body has ${given}. Send Content-Type: application/json.`);
}

async function readBytes(
  request: Request,
  { maxBytes, maxMs = LIMITS.requestMs.value, budget, remedy = 'Send less at once.', incoming }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  checkDeclaredSize(request, maxBytes, remedy);
  const pieces = piecesOf(request, incoming);
  if (pieces === null) return new Uint8Array();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(tooSlow(maxMs)), maxMs);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([pieces.next(), late.promise]);
      if (done === true) return concat(chunks, size);
      size += value.length;
      if (size > maxBytes) throw tooLarge(`more than ${maxBytes} bytes`, maxBytes, remedy);
      budget.take(value.length);
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
    budget.release(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    // Not awaited: it waits for the piece that is late.
    pieces.return?.().catch(() => undefined);
  }
}

/** How a body is read piece by piece. */
export interface BodyPiecesOptions extends Pick<ReadBodyOptions, 'maxBytes' | 'remedy' | 'incoming'> {
  /** Time to receive all of it. */
  readonly maxMs: number;
  /** The longest time without a piece. */
  readonly silenceMs: number;
}

/**
 * Reads a body of any content type piece by piece, no faster than the caller takes them. Throws `request_timeout` for a sender
 * that stalls, and where the connection ends before the body does.
 */
export async function* bodyPieces(
  request: Request,
  { maxBytes, remedy = 'Send less at once.', maxMs, silenceMs, incoming }: BodyPiecesOptions,
): AsyncGenerator<Uint8Array> {
  checkContentEncoding(request.headers.get('content-encoding'));
  checkDeclaredSize(request, maxBytes, remedy);
  const pieces = piecesOf(request, incoming);
  if (pieces === null) return;
  const endsAt = performance.now() + maxMs;
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await nextWithin(pieces, Math.min(silenceMs, endsAt - performance.now()));
      if (done === true) return;
      size += value.length;
      if (size > maxBytes) throw tooLarge(`more than ${maxBytes} bytes`, maxBytes, remedy);
      yield value;
    }
  } finally {
    // Not awaited: it waits for the piece that is late.
    pieces.return?.().catch(() => undefined);
  }
}

async function nextWithin(pieces: AsyncIterator<Uint8Array>, ms: number): Promise<IteratorResult<Uint8Array>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(stalled()), Math.max(0, ms));
  const next = pieces.next().catch((error: unknown) => {
    throw new PerdureError(
      'request_timeout',
      'The connection ended before the whole body had arrived. Send it again.',
      {
        cause: error,
      },
    );
  });
  try {
    return await Promise.race([next, late.promise]);
  } finally {
    clearTimeout(timer);
    // It may fail after the time is over.
    next.catch(() => undefined);
  }
}

function checkDeclaredSize(request: Request, maxBytes: number, remedy: string): void {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN);
  if (declared > maxBytes) throw tooLarge(`${declared} bytes`, maxBytes, remedy);
}

/** The pieces of a body; null without one. The end of the reading leaves the connection open, for the response. */
function piecesOf(request: Request, incoming: Readable | undefined): AsyncIterator<Uint8Array> | null {
  // A body that has arrived whole is still in the request when its connection has closed.
  if (incoming !== undefined && !incoming.destroyed) {
    return incoming.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  }
  return request.body?.values({ preventCancel: true }) ?? null;
}

/** Copied, so that the buffer holds nothing else and can be transferred to another thread. */
function concat(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

function checkBounds(bytes: Uint8Array): void {
  const bounds = { depth: LIMITS.jsonDepth.value, values: LIMITS.jsonValues.value };
  const exceeded = scanJson(bytes, bounds);
  if (exceeded === 'depth') {
    throw new PerdureError(
      'invalid_request',
      `The body is nested too deeply; the limit is ${bounds.depth} levels. Reduce its depth.`,
    );
  }
  if (exceeded === 'values') {
    throw new PerdureError(
      'too_large',
      `The body has more than ${bounds.values} values, nested ones included, which is the limit. Send less at once.`,
    );
  }
}

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PerdureError('invalid_request', 'The body is not UTF-8. Encode it as UTF-8.');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message quotes the body, so it is not passed on.
    throw new PerdureError(
      'invalid_request',
      `The body of ${bytes.length} bytes is not valid JSON. Send one JSON object.`,
    );
  }
}

function tooLarge(size: string, maxBytes: number, remedy: string): PerdureError {
  return new PerdureError('too_large', `The body has ${size}; the limit is ${maxBytes}. ${remedy}`);
}

function stalled(): PerdureError {
  return new PerdureError(
    'request_timeout',
    'The body arrived too slowly, or stopped arriving. Send it again over a faster connection.',
  );
}

function tooSlow(maxMs: number): PerdureError {
  return new PerdureError(
    'request_timeout',
    `The body was not received within ${maxMs} ms. Send it again over a faster connection, or send less at once.`,
  );
}
