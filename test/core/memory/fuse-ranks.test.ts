import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuseRanks } from '../../../core/memory/fuse-ranks.ts';

test('what both lists have comes before what one list has at the same places', () => {
  const fused = fuseRanks({ text: ['a', 'b', 'c'], vector: ['d', 'b', 'e'] });

  expect(fused[0]).toEqual({ id: 'b', score: 2 / 62, by: ['text', 'vector'] });
  expect(fused.map(({ id }) => id)).toEqual(['b', 'a', 'd', 'c', 'e']);
});

test('an empty list changes nothing of the other one', () => {
  expect(fuseRanks({ text: ['b', 'a'], vector: [] }).map(({ id }) => id)).toEqual(['b', 'a']);
});

test('each id of the lists is there once, in descending order of the scores, and moving up in a list never lowers its score', () => {
  const ids = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 20 });
  fc.assert(
    fc.property(ids, ids, (text, vector) => {
      const fused = fuseRanks({ text, vector });
      const scores = new Map(fused.map(({ id, score }) => [id, score]));
      const first = text[1];

      expect(new Set(fused.map(({ id }) => id))).toEqual(new Set([...text, ...vector]));
      expect(fused).toHaveLength(scores.size);
      expect(fused.map(({ score }) => score)).toEqual([...scores.values()].toSorted((a, b) => b - a));
      if (first === undefined) return;
      const moved = fuseRanks({ text: [first, ...text.filter((id) => id !== first)], vector });
      expect(moved.find(({ id }) => id === first)?.score).toBeGreaterThan(scores.get(first) ?? 0);
    }),
  );
});
