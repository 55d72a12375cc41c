import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameTools } from '../../../core/mcp/name-tools.ts';

test('a name keeps its letters, digits, "_" and "-"', () => {
  expect(nameTools('docs', ['search', 'räume/öffnen.jetzt', 'a b'], new Set())).toEqual([
    'search',
    'r_ume__ffnen_jetzt',
    'a_b',
  ]);
});

test('a name that is taken gets the name of the server, then a number', () => {
  expect(nameTools('docs', ['search', 'a.b', 'a/b', 'a b'], new Set(['search', 'docs_a_b']))).toEqual([
    'docs_search',
    'a_b',
    'docs_a_b_2',
    'docs_a_b_3',
  ]);
});

test('the names of any tools are different, valid, and none that is taken', () => {
  const names = fc.array(fc.string({ minLength: 1, maxLength: 80, unit: 'binary' }), { maxLength: 12 });
  fc.assert(
    fc.property(names, names, (listed, others) => {
      const taken = new Set(nameTools('other', others, new Set()));
      const given = nameTools('docs', listed, taken);
      expect(given).toHaveLength(listed.length);
      expect(new Set([...given, ...taken]).size).toBe(given.length + taken.size);
      for (const name of given) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    }),
  );
});
