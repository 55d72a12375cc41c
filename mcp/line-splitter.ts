const NEWLINE = 10;

/** Splits a stream of bytes into lines. Takes time proportional to the bytes, whatever the chunks: the SDK's buffer copies all of a line with each chunk. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isTooLong = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a line was longer than the limit. Everything from it on is dropped. */
  get isTooLong(): boolean {
    return this.#isTooLong;
  }

  /** Returns the lines that the chunk ends, without their ends. */
  add(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    while (!this.#isTooLong) {
      const end = chunk.indexOf(NEWLINE, from);
      this.#keep(chunk.subarray(from, end === -1 ? chunk.length : end));
      if (end === -1 || this.#isTooLong) break;
      lines.push(Buffer.concat(this.#parts).toString().replace(/\r$/, ''));
      this.#parts = [];
      this.#bytes = 0;
      from = end + 1;
    }
    return lines;
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    this.#isTooLong = this.#bytes > this.#maxBytes;
    if (this.#isTooLong) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }
}
