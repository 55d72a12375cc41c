import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatApiKey, hintOf, isApiKey } from '../../../core/identity/api-key-format.ts';

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('a key has the prefix, 43 digits for its 256 bits and 6 for the checksum', () => {
  const zero = formatApiKey(new Uint8Array(32));
  const most = formatApiKey(new Uint8Array(32).fill(255));
  expect(zero).toMatch(/^perdure_0{43}[0-9A-Za-z]{6}$/);
  expect(most).toMatch(/^perdure_[0-9A-Za-z]{49}$/);
  expect([isApiKey(zero), isApiKey(most), hintOf(zero)]).toEqual([true, true, 'perdure_0000']);
  expect(() => formatApiKey(new Uint8Array(31))).toThrow('32 bytes');
});

test('no two secrets give one key, and a changed character is noticed', () => {
  fc.assert(
    fc.property(secrets, secrets, fc.nat(56), (one, other, at) => {
      const key = formatApiKey(one);
      expect(isApiKey(key)).toBe(true);
      expect(formatApiKey(other) === key).toBe(Buffer.compare(one, other) === 0);
      const changed = key.slice(0, at) + (key.charAt(at) === 'x' ? 'y' : 'x') + key.slice(at + 1);
      expect(isApiKey(changed)).toBe(false);
    }),
  );
});

test.each([
  '',
  'perdure_',
  'perdure_short',
  `${formatApiKey(new Uint8Array(32))}x`,
  `x${formatApiKey(new Uint8Array(32))}`,
  `${formatApiKey(new Uint8Array(32))}\n`,
])('no other text is a key: %j', (text) => expect(isApiKey(text)).toBe(false));
