import { assert, jsonValue, property } from 'fast-check';
import { expect, test } from 'vitest';
import { scanJson } from '../../../core/json/scan-json.ts';

const scan = (text: string, bounds: { depth?: number; values?: number } = {}) =>
  scanJson(new TextEncoder().encode(text), { depth: 100, values: 1_000, ...bounds });

test('depth is bounded, and brackets inside strings do not count', () => {
  expect(scan('[[[1]]]', { depth: 3 })).toBeNull();
  expect(scan('[[[[1]]]]', { depth: 3 })).toBe('depth');
  expect(scan('{"a":[{"b":[1]}]}', { depth: 3 })).toBe('depth');
  expect(scan(String.raw`["[[[[\"[[[[", "\\"]`, { depth: 1 })).toBeNull();
});

test('the number of values is bounded', () => {
  expect(scan(`[${'0,'.repeat(997)}0]`)).toBeNull();
  expect(scan(`[${'{},'.repeat(2_000)}{}]`)).toBe('values');
  expect(scan(`["${','.repeat(2_000)}"]`)).toBeNull();
});

test('no JSON has more values or levels than the scan counts', () => {
  assert(
    property(jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(scan(text, { values: count(value) - 1 })).toBe(count(value) === 1 ? null : 'values');
      expect(scan(text, { depth: depthOf(value) })).toBeNull();
    }),
  );
});

const partsOf = (value: unknown): unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value) : [];
const isContainer = (value: unknown): boolean => typeof value === 'object' && value !== null;
/** One, one for each bracket and one for each comma. */
const count = (value: unknown, first = 1): number =>
  first +
  (isContainer(value) ? 1 : 0) +
  Math.max(0, partsOf(value).length - 1) +
  partsOf(value).reduce<number>((sum, part) => sum + count(part, 0), 0);
const depthOf = (value: unknown): number => (isContainer(value) ? 1 + Math.max(0, ...partsOf(value).map(depthOf)) : 0);
