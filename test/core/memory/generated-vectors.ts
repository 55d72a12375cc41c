import { seededRandom } from '../../support/seeded-random.ts';

/** Standard normal numbers (Box and Muller). */
export function normals(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export type Kind = 'independent' | 'skewed' | 'clustered';

/**
 * Generates vectors of the length 1. `skewed`: most of the variance is in few dimensions, as embedding models have it.
 * `common`: the length of what all vectors have in common.
 */
export function vectorsOf(kind: Kind, dimensions: number, common = 0): () => number[] {
  const normal = normals(dimensions);
  const directed = (sizeOf: (index: number) => number = () => 1): number[] =>
    unit(Array.from({ length: dimensions }, (_, index) => normal() * sizeOf(index)));
  const shared = directed();
  const centres = Array.from({ length: 100 }, () => directed());
  const own = (): number[] => {
    if (kind === 'independent') return directed();
    if (kind === 'skewed') return directed((index) => (index % 16 === 0 ? 5 : 0.3));
    const centre = centres[Math.floor(Math.abs(normal()) * 1e6) % centres.length] ?? [];
    return unit(directed().map((value, index) => value + (centre[index] ?? 0)));
  };
  return () => {
    const vector = own();
    return unit(vector.map((value, index) => value * Math.sqrt(1 - common ** 2) + (shared[index] ?? 0) * common));
  };
}

function unit(vector: readonly number[]): number[] {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}
