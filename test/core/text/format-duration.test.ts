import { expect, test } from 'vitest';
import { formatDuration } from '../../../core/text/format-duration.ts';

test('a duration has the unit that suits it, and a short one is not shown as none', () => {
  const durations = [0, 42, 400, 12_000, 59_949, 59_950, 200_000, 7_500_000, 3_600_000, 273_600_000];
  expect(durations.map(formatDuration)).toEqual([
    '0 ms',
    '42 ms',
    '400 ms',
    '12.0 s',
    '59.9 s',
    '1 min 0 s',
    '3 min 20 s',
    '2 h 5 min',
    '1 h 0 min',
    '3 d 4 h',
  ]);
});
