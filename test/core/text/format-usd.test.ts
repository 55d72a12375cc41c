import { expect, test } from 'vitest';
import { formatUsd } from '../../../core/text/format-usd.ts';

test('dollars have two to six decimals, and a small cost is not shown as none', () => {
  const amounts = [0, 0.5, 0.0123, 0.00125, 0.1392834, 9.981234, 12.3, 1_234.5, 0.000_001_234_56, 0.000_000_02];
  expect(amounts.map(formatUsd)).toEqual([
    '$0.00',
    '$0.50',
    '$0.0123',
    '$0.00125',
    '$0.139283',
    '$9.981234',
    '$12.30',
    '$1,234.50',
    '$0.000001235',
    '$0.00000002',
  ]);
});
