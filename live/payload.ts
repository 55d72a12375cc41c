import type { LiveMessage } from './live-channel.ts';

/** PostgreSQL refuses a NOTIFY payload of 8,000 bytes or more. */
const MAX_PAYLOAD_BYTES = 7_900;
/** Messages longer than this, in bytes of JSON, are dropped by the sender: readers find the same in the store. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Messages in parts that a receiver puts together at one time; the oldest is given up beyond it. */
const MAX_UNFINISHED = 64;

/** A message and the topic it is for. */
export interface Addressed {
  readonly topic: string;
  readonly message: LiveMessage;
}

/**
 * Packs messages into payloads, each `sender:number:kind` on its first line. Kind `m`: whole messages, one
 * JSON line each. Kind `p`: a part of one, with its place `i/n` on the header line.
 * The running number also keeps payloads apart: PostgreSQL delivers equal ones of a transaction once.
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
    for (const { topic, message } of messages) {
      const line = `\n${JSON.stringify([topic, message])}`;
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

/** Unpacks payloads; what is damaged or incomplete is dropped. */
export class PayloadReader {
  readonly #ignoredSender: string;
  /** Parts so far, by sender: a sender's parts of one message come one after another. */
  readonly #unfinished = new Map<string, string[]>();

  /** Payloads of `ignoredSender` give nothing: a process has delivered its own already. */
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

  #join(sender: string, place: string, chunk: string): string | undefined {
    const match = /^p(\d+)\/(\d+)$/.exec(place);
    if (match === null) return undefined;
    const [index, count] = [Number(match[1]), Number(match[2])];
    const parts = index === 0 ? [] : this.#unfinished.get(sender);
    // A part was lost, so the message is.
    if (parts === undefined || parts.length !== index) {
      this.#unfinished.delete(sender);
      return undefined;
    }
    parts.push(chunk);
    this.#unfinished.delete(sender);
    if (parts.length === count) return parts.join('');
    this.#unfinished.set(sender, parts);
    const oldest = this.#unfinished.keys().next().value;
    if (this.#unfinished.size > MAX_UNFINISHED && oldest !== undefined) this.#unfinished.delete(oldest);
    return undefined;
  }
}

function parse(line: string): Addressed[] {
  try {
    const [topic, message] = JSON.parse(line) as [string, LiveMessage];
    return [{ topic, message }];
  } catch {
    return [];
  }
}

/** Cuts UTF-8 into texts of at most `maxBytes`, never inside a character. */
function cutUtf8(bytes: Buffer, maxBytes: number): string[] {
  const chunks: string[] = [];
  for (let start = 0; start < bytes.length;) {
    let end = Math.min(start + maxBytes, bytes.length);
    // 10xxxxxx is a byte inside a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    chunks.push(bytes.toString('utf8', start, end));
    start = end;
  }
  return chunks;
}
