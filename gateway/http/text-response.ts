import { timedBody, type TimedBodyOptions } from './timed-body.ts';

/** A JSON response from pieces of its text, which are encoded as the caller reads them. */
export function textResponse(pieces: readonly string[], options: TimedBodyOptions): Response {
  return new Response(timedBody(encoded(pieces), options), { headers: { 'content-type': 'application/json' } });
}

function* encoded(pieces: readonly string[]): Generator<Uint8Array, void> {
  const encoder = new TextEncoder();
  for (const piece of pieces) yield encoder.encode(piece);
}
