import { LRUCache } from 'lru-cache';
import type { LiveMessage } from './live-channel.ts';

/** PostgreSQL rejects NOTIFY payloads of 8,000 bytes or more. */
const MAX_PAYLOAD_BYTES = 7_900;
/** The sender drops longer messages, in bytes of JSON. Readers find their content in the store. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** The number of senders whose multi-part messages a receiver assembles at once. Beyond it, the oldest is discarded. */
const MAX_PARTIAL = 64;

/** A message with its topic. */
export interface Addressed {
  readonly topic: string;
  readonly message: LiveMessage;
  /** Whether the message was also sent over Redis. Absent if not. */
  readonly isCopy?: true | undefined;
}

/**
 * Packs messages into payloads. The first line of a payload is `sender:number:kind`. Kind `m`: whole messages, one line of
 * JSON each. Kind `pI/N`: part I of N of one message, I from 0. The number makes each payload unique, because PostgreSQL
 * delivers equal payloads of a transaction once.
 */
export class PayloadWriter {
  readonly #sender: string;
  #number = 0;

  constructor(sender: string) {
    this.#sender = sender;
  }

  write(messages: readonly Addressed[]): string[] {
    const payloads: string[] = [];
    let lines = '';
    let bytes = 0;
    const flush = (): void => {
      if (lines !== '') payloads.push(`${this.#header('m')}${lines}`);
      lines = '';
      bytes = 0;
    };
    for (const { topic, message, isCopy } of messages) {
      const line = `\n${JSON.stringify(isCopy ? [topic, message, 'copy'] : [topic, message])}`;
      const size = Buffer.byteLength(line);
      if (size > MAX_MESSAGE_BYTES) continue;
      if (bytes + size > MAX_PAYLOAD_BYTES - 100) flush();
      if (size > MAX_PAYLOAD_BYTES - 100) {
        payloads.push(...this.#parts(line));
      } else {
        lines += line;
        bytes += size;
      }
    }
    flush();
    return payloads;
  }

  #header(kind: string): string {
    this.#number += 1;
    return `${this.#sender}:${this.#number}:${kind}`;
  }

  #parts(line: string): string[] {
    const chunks = cutUtf8(Buffer.from(line.slice(1)), MAX_PAYLOAD_BYTES - 100);
    return chunks.map((chunk, index) => `${this.#header('p')}${index}/${chunks.length}\n${chunk}`);
  }
}

/** Unpacks payloads. Drops malformed and incomplete messages. */
export class PayloadReader {
  readonly #ignoredSender: string;
  /** The parts received so far, by sender. A sender sends the parts of a message consecutively. */
  readonly #partial = new LRUCache<string, string[]>({ max: MAX_PARTIAL });

  /** Ignores the payloads of `ignoredSender`: a process delivers its own messages locally. */
  constructor(ignoredSender: string) {
    this.#ignoredSender = ignoredSender;
  }

  read(payload: string): Addressed[] {
    const end = payload.indexOf('\n');
    const [sender = '', , kind = ''] = payload.slice(0, end).split(':');
    if (end < 0 || sender === this.#ignoredSender) return [];
    const body = payload.slice(end + 1);
    if (kind === 'm') return body.split('\n').flatMap(parse);
    const whole = this.#join(sender, kind, body);
    return whole === undefined ? [] : parse(whole);
  }

  #join(sender: string, kind: string, chunk: string): string | undefined {
    const match = /^p(\d+)\/(\d+)$/.exec(kind);
    if (match === null) return undefined;
    const [index, count] = [Number(match[1]), Number(match[2])];
    const parts = index === 0 ? [] : this.#partial.get(sender);
    this.#partial.delete(sender);
    // An earlier part was lost, and with it the message.
    if (parts === undefined || parts.length !== index) return undefined;
    parts.push(chunk);
    if (parts.length === count) return parts.join('');
    this.#partial.set(sender, parts);
    return undefined;
  }
}

function parse(line: string): Addressed[] {
  try {
    const [topic, message, copy] = JSON.parse(line) as [string, LiveMessage, unknown?];
    return [copy === 'copy' ? { topic, message, isCopy: true } : { topic, message }];
  } catch {
    return [];
  }
}

/** Splits UTF-8 into strings of at most `maxBytes` bytes, at character boundaries. */
function cutUtf8(bytes: Buffer, maxBytes: number): string[] {
  const chunks: string[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + maxBytes, bytes.length);
    // A byte 10xxxxxx continues a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    chunks.push(bytes.toString('utf8', start, end));
    start = end;
  }
  return chunks;
}
