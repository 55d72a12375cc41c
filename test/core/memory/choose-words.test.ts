import { expect, test } from 'vitest';
import { chooseWords } from '../../../core/memory/choose-words.ts';

const words = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).map(([word, memories]) => ({ word, memories }));

test('words in too many memories are left out, the rarest first in the weights', () => {
  const chosen = chooseWords(words({ the: 9_000, boat: 3, argo: 1, name: 500 }), 10_000, 2_000);

  expect(chosen.map(({ word }) => word)).toEqual(['argo', 'boat', 'name']);
  expect(chosen.map(({ weight }) => weight)).toEqual([1, 3, 500].map((memories) => Math.log(1 + 10_000 / memories)));
});

test('a query of frequent words only is searched by the rarest of them', () => {
  expect(chooseWords(words({ the: 9_000, is: 8_000 }), 10_000, 2_000).map(({ word }) => word)).toEqual(['is']);
});

test('words in no memory are not searched', () => {
  expect(chooseWords(words({ gone: 0 }), 10, 2_000)).toEqual([]);
});
