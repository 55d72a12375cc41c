import { expect, test } from 'vitest';
import { createGatewayClient } from '../../../client/http/gateway-client.ts';
import { readText } from '../../../client/http/read-text.ts';

const PIECE = new TextEncoder().encode('x'.repeat(1024 * 1024));

/** A body of `start` and then of pieces without end, and how many were read. */
function endless(start: string): { body: ReadableStream<Uint8Array>; pieces: () => number; cancelled: () => boolean } {
  let pieces = 0;
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(start)),
    pull(controller) {
      pieces += 1;
      controller.enqueue(PIECE);
    },
    cancel() {
      cancelled = true;
    },
  });
  return { body, pieces: () => pieces, cancelled: () => cancelled };
}

test('a body is read up to a limit, and is cancelled beyond it', async () => {
  expect(await readText(new Response('漢字'), 6)).toBe('漢字');
  const { body, pieces, cancelled } = endless('');
  await expect(readText(new Response(body), 3 * PIECE.length)).rejects.toMatchObject({ code: 'too_large' });
  expect(pieces()).toBeLessThan(10);
  expect(cancelled()).toBe(true);
});

test('of an endless problem body only the status is used', async () => {
  const { body, pieces } = endless('{"code": "');
  const client = createGatewayClient({ fetch: async () => new Response(body, { status: 413 }) });
  await expect(client.snapshot('s')).rejects.toMatchObject({ name: 'PerdureError', code: 'too_large' });
  expect(pieces()).toBeLessThan(10);
});

test('an endless event ends the stream, without another connection', async () => {
  let connections = 0;
  const { body, cancelled } = endless('data: {"text": "');
  const client = createGatewayClient({
    fetch: async () => {
      connections += 1;
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    },
  });
  await expect(client.stream('s').next()).rejects.toMatchObject({ code: 'too_large' });
  expect({ connections, cancelled: cancelled() }).toEqual({ connections: 1, cancelled: true });
});

/** A response whose body neither comes nor ends. */
const silent = (init: RequestInit | undefined) =>
  new Response(
    new ReadableStream({
      start(controller) {
        init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
      },
    }),
  );

test('a stalled body is an error after the timeout; of a stream only the start is timed', async () => {
  const client = createGatewayClient({ timeoutMs: 20, fetch: async (_input, init) => silent(init) });
  await expect(client.snapshot('s')).rejects.toThrow('did not respond within 20 ms');
  const stop = new AbortController();
  const next = client.stream('s', { signal: stop.signal }).next();
  // Longer than the limit: a second request runs out of time meanwhile.
  await expect(client.snapshot('s')).rejects.toThrow('did not respond within 20 ms');
  stop.abort(new Error('enough'));
  await expect(next).rejects.toThrow('enough');
});

test('a success that is not JSON is an error that names the address', async () => {
  const client = createGatewayClient({ url: 'http://proxy.test', fetch: async () => new Response('<html>') });
  await expect(client.snapshot('s')).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringContaining('http://proxy.test') as string,
  });
});
