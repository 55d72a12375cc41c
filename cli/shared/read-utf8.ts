import { Transform, type Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { CliError, EXIT } from './exit-codes.ts';

/** Decodes UTF-8 without a byte order mark. Throws a CliError for other bytes, as the gateway refuses them. `what`: where they come from. */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notUtf8(what);
  }
}

/** Reads a stream to its end and decodes it. */
export async function readUtf8(stream: Readable, what: string): Promise<string> {
  return decodeUtf8(await buffer(stream), what);
}

/** Decodes a stream as it arrives. Fails with a CliError at the first bytes that are not UTF-8. */
export function utf8Transform(what: string): Transform {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (chunk: Uint8Array | undefined, done: (error: Error | null, text?: string) => void): void => {
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      return done(notUtf8(what));
    }
    done(null, text);
  };
  return new Transform({
    encoding: 'utf8',
    transform: (chunk: Uint8Array, _encoding, done) => decode(chunk, done),
    flush: (done) => decode(undefined, done),
  });
}

function notUtf8(what: string): CliError {
  return new CliError(`${what} is not UTF-8. Convert it first, for example with: iconv -f latin1 -t utf-8`, EXIT.usage);
}
