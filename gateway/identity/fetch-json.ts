import { LIMITS } from '../../contracts/limits.ts';

/** Fetches a small JSON document, without following redirects. Rejects for a status other than 200, and beyond the limits of time and size. */
export async function fetchJson(url: string, fetch: typeof globalThis.fetch): Promise<unknown> {
  const signal = AbortSignal.timeout(LIMITS.keySetMs.value);
  const response = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'manual', signal });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`${url} responded with the status ${response.status}.`);
  }
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > LIMITS.keySetBytes.value) throw new Error(`${url} is larger than ${LIMITS.keySetBytes.value} bytes.`);
    pieces.push(piece);
  }
  return JSON.parse(Buffer.concat(pieces).toString('utf8')) as unknown;
}
