import { expect, test } from 'vitest';
import { backoffMs } from '../../core/backoff.ts';
import { resolvePolicy } from '../../core/policy.ts';
import { toolRetry } from '../../core/tools/tool-retry.ts';

const retry = { maxAttempts: 9, initialIntervalMs: 1_000, backoffCoefficient: 2, maxIntervalMs: 5_000 };

test('waits double up to the longest', () => {
  expect([1, 2, 3, 4, 9].map((attempt) => backoffMs(retry, attempt))).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
});

test('a wait is never shorter than the provider asked, even past the longest', () => {
  expect(backoffMs(retry, 1, 90_000)).toBe(90_000);
  expect(backoffMs(retry, 3, 10)).toBe(4_000);
});

test('each policy setting comes from the nearest that has it', () => {
  const policy = resolvePolicy(
    { maxSteps: 3, runTimeoutMs: 9_000, retry: { maxAttempts: 2 } },
    { maxSteps: 7, retry: { maxIntervalMs: 9 } },
  );
  expect(policy).toMatchObject({ maxSteps: 7, runTimeoutMs: 9_000, whileRunning: 'enqueue' });
  expect(policy.retry).toMatchObject({ maxAttempts: 2, maxIntervalMs: 9, initialIntervalMs: 1_000 });
});

test('a setting that is undefined leaves the farther one in force', () => {
  expect(resolvePolicy({ maxSteps: 3 }, { maxSteps: undefined }).maxSteps).toBe(3);
});

test('a tool that is not idempotent is tried once unless it asks for more', () => {
  expect(toolRetry({ idempotent: false, retry: {} }).maxAttempts).toBe(1);
  expect(toolRetry({ idempotent: true, retry: {} }).maxAttempts).toBe(3);
  expect(toolRetry({ idempotent: false, retry: { maxAttempts: 4 } }).maxAttempts).toBe(4);
});
