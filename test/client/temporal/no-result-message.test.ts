import { expect, test } from 'vitest';
import { noResultMessage } from '../../../client/temporal/no-result-message.ts';

test('a missing worker is named as the cause only when none polls', () => {
  expect(noResultMessage(2_000, 0)).toBe(
    'No worker responded within 2000 ms. Check that a worker is running, then try again.',
  );
  for (const workers of [1, 3, null]) {
    expect(noResultMessage(2_000, workers)).not.toContain('Check that a worker is running');
    expect(noResultMessage(2_000, workers)).toContain('safe to repeat with the same id');
  }
  expect(noResultMessage(2_000, 3)).toContain('although 3 poll the task queue: the system is overloaded');
});
