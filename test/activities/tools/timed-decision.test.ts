import { expect, test } from 'vitest';
import { timedDecision } from '../../../activities/tools/approvals/timed-decision.ts';

const never = new AbortController().signal;

test('a decision is returned', async () => {
  expect(await timedDecision(10_000, never, () => true)).toBe(true);
  expect(await timedDecision(10_000, never, async () => await Promise.resolve('yes'))).toBe('yes');
});

test('a decision that throws is none', async () => {
  expect(await timedDecision(10_000, never, () => JSON.parse('no'))).toBeNull();
  expect(await timedDecision(10_000, never, async () => await Promise.reject(new Error('no')))).toBeNull();
});

test('a decision that hangs is none once its time is over, and its signal is aborted', async () => {
  let aborted = false;
  const hang = (signal: AbortSignal): Promise<boolean> => {
    signal.addEventListener('abort', () => (aborted = true));
    return new Promise(() => {});
  };
  expect(await timedDecision(1, never, hang)).toBeNull();
  expect(aborted).toBe(true);
});

test('a decision that hangs is none when its run is stopped', async () => {
  const stop = new AbortController();
  const decision = timedDecision(10_000, stop.signal, () => new Promise(() => {}));
  stop.abort();
  expect(await decision).toBeNull();
});
