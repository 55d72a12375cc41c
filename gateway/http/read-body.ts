import { PerdureError } from '../../contracts/errors.ts';
import { LIMITS } from '../../contracts/limits.ts';

/** The JSON body of a request; undefined for an empty one. Stops reading at the limit. */
export async function readJsonBody(request: Request, maxBytes: number = LIMITS.requestBytes.value): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes);
  if (bytes.length === 0) return undefined;
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/(?:[\w.+-]*\+)?json\b/i.test(type.trim())) {
    const given = type === '' ? 'no content type' : `the content type ${JSON.stringify(type.slice(0, 80))}`;
    throw new PerdureError('invalid_request', `The body has ${given}. Send Content-Type: application/json.`);
  }
  return parse(bytes);
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? Number.NaN);
  if (declared > maxBytes) throw tooLarge(`${declared} bytes`, maxBytes);
  if (request.body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(`more than ${maxBytes} bytes`, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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

function tooLarge(size: string, maxBytes: number): PerdureError {
  return new PerdureError('too_large', `The body has ${size}; the limit is ${maxBytes}. Send less at once.`);
}
