import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { callHook, HookOver, type RunningHook } from '../../../activities/middleware/call-hook.ts';

const LIMITS = { name: 'probe', timeoutMs: 60 };
const slow = () => delay(150, 'done');
const never = new AbortController().signal;

test('a hook that takes too long is abandoned, and its signal aborted', async () => {
  let signal: AbortSignal | undefined;
  const called = callHook(LIMITS, never, (running) => {
    signal = running.signal;
    return new Promise(() => {});
  });
  await expect(called).rejects.toThrow('The middleware "probe" took longer than 60 ms (timeoutMs).');
  await expect(called).rejects.toMatchObject({ retryable: true });
  expect(signal?.aborted).toBe(true);
});

test('the time of the work that a hook waits for does not count', async () => {
  expect(await callHook(LIMITS, never, ({ outside }) => outside(slow))).toBe('done');
  const both = callHook(LIMITS, never, ({ outside }) => Promise.all([outside(slow), outside(slow)]));
  expect(await both).toEqual(['done', 'done']);
  const afterwards = callHook(LIMITS, never, async ({ outside }) => {
    await outside(slow);
    await new Promise(() => {});
  });
  await expect(afterwards).rejects.toThrow(HookOver);
});

test('an abort ends the call at once, with its reason', async () => {
  const stop = new AbortController();
  const called = callHook({ ...LIMITS, timeoutMs: 60_000 }, stop.signal, () => new Promise(() => {}));
  stop.abort(new Error('stopped'));
  await expect(called).rejects.toThrow('stopped');
  await expect(callHook(LIMITS, stop.signal, () => 'never')).rejects.toThrow('stopped');
});

test('a hook that has ended can call nothing any more', async () => {
  let kept: RunningHook | undefined;
  expect(await callHook(LIMITS, never, (running) => ((kept = running), 'ended'))).toBe('ended');
  let made = 0;
  await expect(kept?.outside(async () => (made += 1))).rejects.toThrow(HookOver);
  expect(made).toBe(0);
});

test('what a hook throws, also synchronously, is thrown as it is', async () => {
  const error = new Error('own');
  const called = callHook(LIMITS, never, () => {
    throw error;
  });
  await expect(called).rejects.toBe(error);
});
