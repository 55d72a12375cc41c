import { expect, test } from 'vitest';
import { centreOf, centredCodes, type CentredCodes } from '../../../core/memory/centred-codes.ts';
import { cosine } from '../../../core/memory/cosine.ts';
import { nearestCodes, type NearestOptions } from '../../../core/memory/nearest-codes.ts';
import { codeBytes, encodeVector } from '../../../core/memory/vector-code.ts';
import { formerCode } from './former-code.ts';
import { vectorsOf, type Kind } from './generated-vectors.ts';

function codesOf(vectors: readonly number[][], dimensions: number, encode = encodeVector): CentredCodes {
  const bytes = encode(vectors[0] ?? []).length;
  const codes = new Uint8Array(vectors.length * bytes);
  for (const [index, vector] of vectors.entries()) codes.set(encode(vector), index * bytes);
  return centredCodes(codes, bytes, centreOf(codes, bytes, dimensions));
}

function nearest(query: number[], codes: CentredCodes, options: NearestOptions): readonly number[] {
  const scan = nearestCodes(query, codes, options);
  for (;;) {
    const { done, value } = scan.next();
    if (done === true) return value;
  }
}

function exactlyNearest(query: number[], vectors: readonly number[][], count: number): readonly number[] {
  return vectors
    .map((vector, index) => ({ index, similarity: cosine(query, vector) }))
    .toSorted((a, b) => b.similarity - a.similarity)
    .slice(0, count)
    .map(({ index }) => index);
}

/** The share of the five nearest of ten queries that are among the candidates. */
function recallOf(
  one: () => number[],
  vectors: readonly number[][],
  candidates: (query: number[]) => readonly number[],
) {
  const shares = Array.from({ length: 10 }, () => {
    const query = one();
    const chosen = new Set(candidates(query));
    return exactlyNearest(query, vectors, 5).filter((index) => chosen.has(index)).length / 5;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

const COMMON = 0.9;

test.each<{ dimensions: number; kind: Kind; common: number }>([
  { dimensions: 64, kind: 'independent', common: 0 },
  { dimensions: 64, kind: 'independent', common: COMMON },
  { dimensions: 64, kind: 'skewed', common: 0 },
  { dimensions: 64, kind: 'skewed', common: COMMON },
  { dimensions: 100, kind: 'independent', common: 0 },
  { dimensions: 256, kind: 'independent', common: COMMON },
  { dimensions: 256, kind: 'clustered', common: COMMON },
  { dimensions: 384, kind: 'skewed', common: COMMON },
])(
  'of the five nearest of 6,000 $kind vectors with $dimensions dimensions and $common in common, 95 % are among the 200 nearest codes',
  ({ dimensions, kind, common }) => {
    const one = vectorsOf(kind, dimensions, common);
    const vectors = Array.from({ length: 6_000 }, () => one());
    const codes = codesOf(vectors, dimensions);

    expect(recallOf(one, vectors, (query) => nearest(query, codes, { count: 200 }))).toBeGreaterThanOrEqual(0.95);
  },
);

test('codes of the former encoding are searched, too', () => {
  const one = vectorsOf('independent', 64);
  const vectors = Array.from({ length: 6_000 }, () => one());
  const codes = codesOf(vectors, 64, formerCode);

  expect(recallOf(one, vectors, (query) => nearest(query, codes, { count: 200 }))).toBeGreaterThanOrEqual(0.95);
});

test('candidates far behind the nearest that are wanted are left out, and none of those is', () => {
  const one = vectorsOf('clustered', 256, COMMON);
  const vectors = Array.from({ length: 6_000 }, () => one());
  const codes = codesOf(vectors, 256);
  const counts: number[] = [];
  const recall = recallOf(one, vectors, (query) => {
    const candidates = nearest(query, codes, { count: 200, wanted: 20 });
    counts.push(candidates.length);
    return candidates;
  });

  // A cluster has about 60.
  expect(Math.max(...counts)).toBeLessThan(120);
  expect(recall).toBe(1);
});

test('with few vectors every one is a candidate', () => {
  const codes = codesOf([[1, 2, 3]], 3);

  expect(nearest([-1, 0, 4], codes, { count: 200 })).toEqual([0]);
});

test('vectors that are all the same, or without a direction, are candidates', () => {
  const vectors = [...Array.from({ length: 300 }, () => [1, 2, 3, 4]), [0, 0, 0, 0]];

  expect(nearest([1, 2, 3, 4], codesOf(vectors, 4), { count: 200 })).toHaveLength(200);
});

test('what a scan overwrites does not change what it finds, and the nearest code comes first', () => {
  const one = vectorsOf('independent', 64);
  const vectors = Array.from({ length: 5_000 }, () => one());
  const codes = codesOf(vectors, 64);
  const query = vectors[4_321] ?? [];
  const found = nearest(query, codes, { count: 50 });

  expect(found[0]).toBe(4_321);
  expect(nearest(query, codes, { count: 50, scratch: new Float32Array(6_000).fill(9e9) })).toEqual(found);
});

test('a scan of many codes pauses after at most 2 MB of codes', () => {
  const total = 50_000;
  const words = codeBytes(512) / 8;
  const codes = {
    centre: new Float32Array(512),
    bits: new Int32Array(total * words),
    factors: new Float32Array(2 * total),
  };
  const scan = nearestCodes(vectorsOf('independent', 512)(), codes, { count: 10 });
  let pauses = 0;
  while (scan.next().done !== true) pauses += 1;

  expect(pauses).toBeGreaterThanOrEqual(codes.bits.byteLength / 2 ** 21);
});
