import { expect, test } from 'vitest';
import type { Json } from '../../../contracts/json.ts';
import { isNestedDeeper } from '../../../core/tools/is-nested-deeper.ts';

function nested(levels: number): Json {
  let value: Json = 1;
  for (let n = 0; n < levels; n += 1) value = n % 2 === 0 ? [value] : { value };
  return value;
}

test('levels of arrays and objects are counted, of any number, without a stack', () => {
  expect([nested(0), nested(1), nested(100)].map((value) => isNestedDeeper(value, 100))).toEqual([false, false, false]);
  expect(isNestedDeeper(nested(101), 100)).toBe(true);
  expect(isNestedDeeper(nested(200_000), 100)).toBe(true);
  expect(isNestedDeeper({ wide: Array.from({ length: 1_000 }, () => [1]) }, 3)).toBe(false);
});
