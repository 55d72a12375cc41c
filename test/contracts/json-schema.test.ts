import { expect, test } from 'vitest';
import { jsonObjectSchema, jsonSchema } from '../../contracts/json-schema.ts';
import { LIMITS } from '../../contracts/limits.ts';
import { updateSessionSchema } from '../../contracts/session/commands.ts';

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

test('JSON may be nested up to the limit, and deeper nesting is refused whatever the stack can hold', () => {
  const limit = LIMITS.jsonDepth.value;
  expect(jsonSchema.safeParse(nested(limit)).success).toBe(true);
  for (const levels of [limit + 1, 500_000]) {
    const issues = jsonSchema.safeParse(nested(levels)).error?.issues;
    expect(issues).toMatchObject([{ message: `must not be nested more than ${limit} levels deep` }]);
  }
});

test.each([
  ['{"metadata": {"__proto__": {"a": 1}}}'],
  ['{"metadata": {"a": [{"__proto__": 1}]}}'],
  ['{"state": {"__proto__": {"a": 1}}}'],
  ['{"state": {"app": {"__proto__": 1}}}'],
])('a key __proto__ is refused, not dropped: %s', (text) => {
  const { error } = updateSessionSchema.safeParse(JSON.parse(text));
  expect(error?.issues.map(({ message }) => message)).toEqual(['must not contain the key "__proto__"']);
});

test('metadata, namespaces and state have a limit of keys in one request', () => {
  const limit = LIMITS.patchKeys.value;
  expect(updateSessionSchema.safeParse({ metadata: keys(limit), state: { app: keys(limit) } }).success).toBe(true);
  const many = keys(limit + 1);
  for (const update of [{ metadata: many }, { state: many }, { state: { app: many } }]) {
    const { error } = updateSessionSchema.safeParse(update);
    expect(error?.issues.map(({ message }) => message)).toEqual([`must not have more than ${limit} keys`]);
  }
});

function keys(count: number) {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, {}]));
}

test('what is no JSON is refused', () => {
  for (const value of [undefined, Number.NaN, 1n, () => 1, { a: undefined }, [new Map([['a', 1]]).get('b')]]) {
    expect(jsonSchema.safeParse(value).success).toBe(false);
  }
  for (const value of [null, [], 'text', 1]) expect(jsonObjectSchema.safeParse(value).success).toBe(false);
  expect(jsonObjectSchema.parse({ a: { b: [1, null, 'x', true] } })).toEqual({ a: { b: [1, null, 'x', true] } });
});
