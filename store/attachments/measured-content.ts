import { createHash } from 'node:crypto';
import type { Attachment } from '../../contracts/attachments/attachment.ts';
import { PerdureError } from '../../contracts/errors.ts';
import { CHUNK_BYTES } from './attachment-content.ts';

/** A content whose hash, size and type are determined while it is read, once. */
export class MeasuredContent {
  readonly #content: AsyncIterable<Buffer>;
  readonly #typeOf: (head: Buffer) => Promise<string>;
  readonly #hash = createHash('sha256');
  #size = 0;
  #contentType: string | null = null;

  constructor(content: AsyncIterable<Buffer>, typeOf: (head: Buffer) => Promise<string>) {
    this.#content = content;
    this.#typeOf = typeOf;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    for await (const piece of this.#content) {
      this.#contentType ??= await this.#typeOf(piece);
      this.#hash.update(piece);
      this.#size += piece.length;
      yield piece;
    }
  }

  /** Call it once, after all pieces were read. */
  async result(): Promise<Pick<Attachment, 'contentType' | 'size' | 'sha256'>> {
    const contentType = this.#contentType ?? (await this.#typeOf(Buffer.alloc(0)));
    return { contentType, size: this.#size, sha256: this.#hash.digest('hex') };
  }
}

/** Divides a content into chunks of the size in the store. Throws `too_large` as soon as it exceeds `maxBytes`. */
export async function* chunksOf(
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let filled = 0;
  let size = 0;
  for await (const piece of content) {
    size += piece.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    for (let from = 0; from < piece.length;) {
      const taken = Math.min(piece.length - from, CHUNK_BYTES - filled);
      chunk.set(piece.subarray(from, from + taken), filled);
      from += taken;
      filled += taken;
      if (filled < CHUNK_BYTES) continue;
      yield chunk;
      chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

function tooLarge(maxBytes: number): PerdureError {
  return new PerdureError(
    'too_large',
    `The attachment has more than ${maxBytes} bytes, which is the limit. Send a smaller file, or raise limits.attachmentBytes in the deployment file.`,
  );
}
