import { expect, test } from 'vitest';
import { formatTime, formatTimeFully } from '../../../cli/render/format-time.ts';

const NOW = '2026-11-27T10:00:00.000Z';
const shown = (iso: string, terminal = true) => formatTime(iso, { terminal, nowMs: Date.parse(NOW) });

test('on a terminal a time within a day is relative to now', () => {
  expect(shown('2026-11-27T09:57:40.000Z')).toBe('2 min ago');
  expect(shown('2026-11-27T04:00:00.000Z')).toBe('6 h ago');
  expect(shown('2026-11-27T10:00:05.000Z')).toBe('in 5.0 s');
  expect(shown('2026-11-27T09:59:59.500Z')).toBe('now');
});

test('on a terminal a time more than a day away is local, and on its own line it has both', () => {
  expect(shown('2026-11-01T12:30:00.000Z')).toMatch(/^2026-1[01]-\d\d \d\d:\d\d$/);
  const fully = formatTimeFully('2026-11-27T09:57:40.000Z', { terminal: true, nowMs: Date.parse(NOW) });
  expect(fully).toMatch(/^2026-11-2\d \d\d:\d\d \(2 min ago\)$/);
});

test('without a terminal a time is ISO 8601 in UTC', () => {
  expect(shown(NOW, false)).toBe(NOW);
});
