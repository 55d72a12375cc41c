import { expect, test } from 'vitest';
import { z } from 'zod';
import { patchProviderState, readProviderState } from '../../../activities/context/provider-state.ts';
import { defineContextProvider } from '../../../agents/context/define-context-provider.ts';

const one = defineContextProvider({ name: 'counter', afterRun: () => undefined }).definition;
const two = defineContextProvider({
  name: 'counter',
  stateSchema: z.strictObject({ total: z.number().default(0) }),
  stateVersion: 2,
  migrateState: ({ count }, from) => ({ total: Number(count) * from }),
  afterRun: () => undefined,
}).definition;

test('a patch changes keys of the state, and null removes one', () => {
  const state = patchProviderState(one, { kept: 1, removed: 2 }, { removed: null, added: [3] });
  expect(state).toEqual({ kept: 1, added: [3] });
  expect(patchProviderState(one, { count: 1 }, (now) => ({ count: Number(now['count']) + 1 }))).toEqual({ count: 2 });
});

test('the state of an earlier version is migrated when it is read, and replaced when it is changed', () => {
  const earlier = { count: '7', old: true };
  expect(readProviderState(two, earlier)).toEqual({ total: 7 });
  const later = patchProviderState(two, earlier, ({ total }) => ({ total: Number(total) + 1 }));
  expect(later).toEqual({ total: 8, $version: 2 });
  expect(readProviderState(two, later)).toEqual({ total: 8 });
  expect(patchProviderState(two, later, { total: 9 })).toEqual({ total: 9, $version: 2 });
});

test('a new session has the defaults of the schema, and nothing is migrated', () => {
  expect(readProviderState(two, {})).toEqual({ total: 0 });
});

test('the state of a later version is an error that another attempt may not have', () => {
  expect(() => readProviderState(one, { $version: 2, total: 1 })).toThrow(
    expect.objectContaining({ retryable: true, message: expect.stringContaining('written by version 2') }),
  );
});

test.each([
  ['a value that the schema refuses', { total: 'many' }, 'would not match the stateSchema of the context provider'],
  ['a value that is no JSON', { total: 1n as never }, 'The patch of the state is not JSON'],
  ['a patch that is no object', [1] as never, 'must be an object with the keys to change'],
])('%s is an error, and nothing changes', (_what, patch, error) => {
  const before = { total: 1, $version: 2 };
  expect(() => patchProviderState(two, before, patch)).toThrow(error);
  expect(before).toEqual({ total: 1, $version: 2 });
});
