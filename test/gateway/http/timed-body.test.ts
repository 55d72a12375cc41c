import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { timedBody } from '../../../gateway/http/timed-body.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('a body is cut off when its time is over, also while its next piece is made, and its end is reported once', async () => {
  const piece = Promise.withResolvers<Uint8Array>();
  async function* pieces() {
    yield await piece.promise;
  }
  const onEnd = vi.fn<() => void>();
  const reading = timedBody(pieces(), { maxMs: 1_000, onEnd }).getReader().read();
  const cut = reading.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await cut).toMatchObject({ code: 'request_timeout' });
  piece.resolve(new Uint8Array(1));
  await vi.advanceTimersByTimeAsync(1);
  expect(onEnd).toHaveBeenCalledOnce();
});

test('the end of a body that was read is reported once', async () => {
  const onEnd = vi.fn<() => void>();
  const body = timedBody([new Uint8Array(2), new Uint8Array(3)].values(), { maxMs: 1_000, onEnd });
  expect((await new Response(body).arrayBuffer()).byteLength).toBe(5);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(onEnd).toHaveBeenCalledOnce();
});

test('the end of a body that was cancelled is reported once', async () => {
  const onEnd = vi.fn<() => void>();
  await timedBody([new Uint8Array(2)].values(), { maxMs: 1_000, onEnd }).cancel();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(onEnd).toHaveBeenCalledOnce();
});
