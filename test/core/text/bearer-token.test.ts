import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bearerToken } from '../../../core/text/bearer-token.ts';

const token = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
});

test('the scheme is read in any case, followed by one or more spaces and the token', () => {
  const scheme = fc.constantFrom('Bearer', 'bearer', 'BEARER');
  fc.assert(
    fc.property(scheme, fc.integer({ min: 1, max: 3 }), token, (name, spaces, text) => {
      expect(bearerToken(`${name}${' '.repeat(spaces)}${text}`)).toBe(text);
    }),
  );
});

test('a header with more than one token has none', () => {
  fc.assert(
    fc.property(token, fc.constantFrom(' ', '\t', ', ', ', Bearer '), token, (first, between, second) => {
      expect(bearerToken(`Bearer ${first}${between}${second}`)).toBeNull();
    }),
  );
});

test.each([
  null,
  undefined,
  '',
  'Bearer',
  'Bearer ',
  'Bearertok',
  'Basic tok',
  'Bearer\ttok',
  'Bearer tök',
  'Bearer tok ',
])('the header %j has no token', (header) => {
  expect(bearerToken(header)).toBeNull();
});
