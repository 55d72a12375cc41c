import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { cosine } from '../../../core/memory/cosine.ts';
import { codeBytes, decodeVector, encodeVector, isCode, rotateVector } from '../../../core/memory/vector-code.ts';
import { formerCode } from './former-code.ts';
import { normals, vectorsOf } from './generated-vectors.ts';

const waves = (dimensions: number): number[] => Array.from({ length: dimensions }, (_, index) => Math.sin(index * 1.7));

const hashOf = (encode: (vector: number[]) => Uint8Array): string =>
  createHash('sha256')
    .update([3, 96, 512, 520, 1_536].map((dimensions) => Buffer.from(encode(waves(dimensions))).toString('hex')).join())
    .digest('hex');

test('a code depends on the direction only', () => {
  const normal = normals(1);
  const vector = Array.from({ length: 96 }, () => normal());

  expect(encodeVector(vector.map((value) => value * 1e3))).toEqual(encodeVector(vector));
  expect(encodeVector(Array.from({ length: 96 }, () => 0))).toHaveLength(codeBytes(96));
});

test('the codes are those that are stored: the encoding does not change', () => {
  expect(hashOf(encodeVector)).toMatchInlineSnapshot(
    `"5fa497d4d6075237a277dc0302a0b1e8b838d6148e835f71a1fc7d09c2d64519"`,
  );
  // Of the former encoding, as its own test had it.
  expect(hashOf(formerCode)).toBe('8ac8d1577a12834132331a7b8119367ced762e157480724905936c8612169754');
});

test.each([
  { encoding: 'current', encode: encodeVector, similarity: 0.99 },
  { encoding: 'former', encode: formerCode, similarity: 0.92 },
])('a decoded vector of the $encoding encoding is similar to the rotated one', ({ encode, similarity }) => {
  const one = vectorsOf('independent', 520);
  for (let count = 0; count < 10; count += 1) {
    const vector = one();
    const code = encode(vector);
    const decoded = new Float32Array(vector.length);
    // Behind another one.
    decodeVector(Buffer.concat([code, code]), code.length, code.length, decoded);

    expect(isCode(code.length, vector.length)).toBe(true);
    expect(cosine(decoded, rotateVector(vector))).toBeGreaterThan(similarity);
  }
});

test('a code of other dimensions is recognised by its length', () => {
  expect(isCode(encodeVector(waves(96)).length, 64)).toBe(false);
});

test('similarity without a direction is 0', () => {
  expect(cosine([0, 0], [1, 2])).toBe(0);
  expect(cosine([1, 2], [2, 4])).toBeCloseTo(1);
});
