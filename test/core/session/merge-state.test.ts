import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../../contracts/json.ts';
import { mergeState, namespaceOf } from '../../../core/session/merge-state.ts';

test('a patch changes the keys it names, within the namespaces it names', () => {
  const state = { app: { a: 1, b: { c: 2 } }, weather: { at: 'Rome' } };
  expect(mergeState(state, { app: { b: { d: 3 }, a: null, e: [] } })).toEqual({
    app: { b: { d: 3 }, e: [] },
    weather: { at: 'Rome' },
  });
  expect(state).toEqual({ app: { a: 1, b: { c: 2 } }, weather: { at: 'Rome' } });
});

test('null removes a namespace, and so does removing its last key', () => {
  const state = { app: { a: 1 }, weather: { at: 'Rome' } };
  expect(mergeState(state, { weather: null })).toEqual({ app: { a: 1 } });
  expect(mergeState(state, { weather: { at: null }, empty: {}, absent: null })).toEqual({ app: { a: 1 } });
});

test('names that objects have by themselves are namespaces and keys like any other', () => {
  const patch = JSON.parse('{"constructor": {"a": 1, "__proto__": 2}}') as Record<string, JsonObject>;
  expect(namespaceOf({}, 'constructor')).toEqual({});
  expect(JSON.stringify(mergeState({}, patch))).toBe('{"constructor":{"a":1,"__proto__":2}}');
});

const part = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom(null, 1, 'x', [2]), {
  noNullPrototype: true,
});
const patch = fc.dictionary(fc.constantFrom('app', 'weather', 'orders'), fc.oneof(fc.constant(null), part), {
  noNullPrototype: true,
});

test('merging the same patch again changes nothing, and no null and no empty namespace is kept', () => {
  fc.assert(
    fc.property(patch, patch, (first, second) => {
      const state = mergeState(mergeState({}, first), second);
      expect(mergeState(state, second)).toEqual(state);
      for (const values of Object.values(state)) {
        expect(Object.keys(values)).not.toEqual([]);
        expect(Object.values(values)).not.toContain(null);
      }
    }),
  );
});

test('patches of different namespaces give the same state in any order', () => {
  fc.assert(
    fc.property(part, part, (app, weather) => {
      const [a, b] = [{ app }, { weather }];
      expect(mergeState(mergeState({}, a), b)).toEqual(mergeState(mergeState({}, b), a));
    }),
  );
});
