import { centreOf, centredCodes } from '../../core/memory/centred-codes.ts';
import { cosine } from '../../core/memory/cosine.ts';
import { nearestCodes } from '../../core/memory/nearest-codes.ts';
import { codeBytes, encodeVector } from '../../core/memory/vector-code.ts';
import { vectorsOf, type Kind } from '../../test/core/memory/generated-vectors.ts';
import type { BenchmarkRow } from '../benchmark.ts';

const FOUND = 5;
const CANDIDATES = 200;

/** Vectors of different kinds, each with what all have in common as this share of their length. */
const KINDS: readonly { readonly kind: Kind; readonly common: number }[] = [
  { kind: 'clustered', common: 0 },
  { kind: 'clustered', common: 0.9 },
  { kind: 'skewed', common: 0.9 },
  { kind: 'independent', common: 0 },
  { kind: 'independent', common: 0.9 },
];

/** The share of the five nearest of `count` vectors that the codes select, without a store. */
export function recallOfCodes(count: number, dimensions: number, queries: number): BenchmarkRow[] {
  return KINDS.map(({ kind, common }) => {
    const one = vectorsOf(kind, dimensions, common);
    const vectors = Array.from({ length: count }, () => Float32Array.from(one()));
    const bytes = codeBytes(dimensions);
    const stored = new Uint8Array(count * bytes);
    for (const [index, vector] of vectors.entries()) stored.set(encodeVector(vector), index * bytes);
    const codes = centredCodes(stored, bytes, centreOf(stored, bytes, dimensions));
    let found = 0;
    for (let n = 0; n < queries; n += 1) {
      const query = one();
      const scan = nearestCodes(query, codes, { count: CANDIDATES });
      let step = scan.next();
      while (step.done !== true) step = scan.next();
      const candidates = new Set(step.value);
      const similarities = Float32Array.from(vectors, (vector) => cosine(query, vector));
      const least = similarities.toSorted().at(-FOUND) ?? 0;
      for (const candidate of candidates) if ((similarities[candidate] ?? 0) >= least) found += 1;
    }
    return { what: `codes of ${kind} vectors, ${common} in common`, values: { 'recall@5': found / (queries * FOUND) } };
  });
}
