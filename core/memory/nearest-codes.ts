import { LARGE, SMALL, encodeRotated, halfBytes, rotateVector } from './vector-code.ts';

/** The codes that the comparison of signs leaves for the comparison with the query's own values: at least so many, and this share. */
const KEPT = 4_096;
const KEPT_SHARE = 1 / 6;

/**
 * The indexes of the `count` codes most similar to the query, in no order. `codes` has `total` codes, one after the other, and
 * begins at a multiple of 4 bytes. Compares the signs of all, and then the best of them with the query's values.
 */
export function nearestCodes(
  query: readonly number[] | Float32Array,
  codes: Uint8Array,
  total: number,
  count: number,
): readonly number[] {
  if (total <= count) return Array.from({ length: total }, (_, index) => index);
  const rotated = rotateVector(query);
  const keep = Math.max(count, KEPT, Math.ceil(total * KEPT_SHARE));
  const kept = nearestSigns(encodeRotated(rotated), codes, total, Math.min(total, keep));
  const similarities = similaritiesOf(rotated, codes, kept);
  const least = similarities.toSorted()[similarities.length - count] as number;
  return [...kept.filter((_, index) => (similarities[index] as number) >= least).subarray(0, count)];
}

/** The indexes of at least `count` codes with the fewest differing signs. */
function nearestSigns(query: Uint8Array, codes: Uint8Array, total: number, count: number): Uint32Array {
  const words = query.byteLength / 4;
  const signWords = words / 2;
  const sought = new Int32Array(query.buffer, query.byteOffset, words);
  const given = new Int32Array(codes.buffer, codes.byteOffset, total * words);
  const distances = new Uint16Array(total);
  const histogram = new Uint32Array(signWords * 32 + 1);
  for (let code = 0; code < total; code += 1) {
    let distance = 0;
    const from = code * words;
    for (let word = 0; word < signWords; word += 1) {
      distance += bitsOf((given[from + word] as number) ^ (sought[word] as number));
    }
    distances[code] = distance;
    histogram[distance] = (histogram[distance] as number) + 1;
  }
  let farthest = 0;
  let within = histogram[0] as number;
  while (within < count) within += histogram[(farthest += 1)] as number;
  const nearest = new Uint32Array(within);
  let found = 0;
  for (let code = 0; code < total; code += 1) {
    if ((distances[code] as number) <= farthest) nearest[found++] = code;
  }
  return nearest;
}

/** The number of set bits of 32 (Warren, "Hacker's Delight"). */
function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  bits = (bits + (bits >>> 4)) & 0x0f0f0f0f;
  return Math.imul(bits, 0x01010101) >>> 24;
}

/** The products of the query with what the codes stand for. */
function similaritiesOf(query: Float32Array, codes: Uint8Array, indexes: Uint32Array): Float32Array {
  const half = halfBytes(query.length);
  const table = productTable(query);
  const similarities = new Float32Array(indexes.length);
  for (const [at, index] of indexes.entries()) {
    const from = index * half * 2;
    let product = 0;
    for (let byte = 0; byte < half; byte += 1) {
      const signs = codes[from + byte] as number;
      const sizes = codes[from + half + byte] as number;
      product += table[byte * 512 + ((signs & 15) | ((sizes & 15) << 4))] as number;
      product += table[byte * 512 + 256 + ((signs >> 4) | (sizes & 0xf0))] as number;
    }
    similarities[at] = product;
  }
  return similarities;
}

/** For each four dimensions, the query's product with each of their 256 codes: four signs, and then four sizes. */
function productTable(query: Float32Array): Float32Array {
  const table = new Float32Array(halfBytes(query.length) * 512);
  for (const [index, value] of query.entries()) {
    const from = (index >> 2) * 256;
    const bit = index & 3;
    for (let code = 0; code < 256; code += 1) {
      const size = (code >> (bit + 4)) & 1 ? LARGE : SMALL;
      table[from + code] = (table[from + code] as number) + ((code >> bit) & 1 ? value * size : -value * size);
    }
  }
  return table;
}
