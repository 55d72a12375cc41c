import { LARGE, SMALL, encodeCentred, wordsOf, type CentredCodes } from './centred-codes.ts';
import { highest } from './highest.ts';
import { rotateVector } from './vector-code.ts';

/** The codes that the comparison of signs leaves for the comparison with the query's own values: at least so many, and this share. */
const KEPT = 4_096;
const KEPT_SHARE = 1 / 12;
/** What a sign stands for, relative to the scale of a code: the mean size of a standard normal value, by the share that two bits keep. */
const SIGN = Math.sqrt(2 / Math.PI) * 0.8825;
/** Words of signs, and of signs and sizes, that are compared between two yields: about a millisecond of each. */
const SLICE_SIGNS = 2 ** 18;
const SLICE_PRODUCTS = 2 ** 16;

/** Standard deviation of an estimated product relative to the lengths of both vectors: the root of the share that two bits lose. */
const ERROR = Math.sqrt(0.1175);
/** Standard deviations of an estimate that a candidate may be behind: of the difference of two, three. */
const MARGIN = 3 * Math.SQRT2;

export interface NearestOptions {
  /** Maximum number of indexes. */
  readonly count: number;
  /** Candidates are left out that are most likely not among so many nearest. Default: none are. */
  readonly wanted?: number;
  /** Overwritten. Has an element for each code at least. Default: a new array. */
  readonly scratch?: Float32Array | undefined;
}

/**
 * The indexes of the codes most similar to the query by cosine, best first. Compares the signs of all with two bits per dimension of
 * the query, and then the best of them with its values. A generator, so that its caller can do other work between the slices.
 *
 * Of vectors with the length 1, a query q, a vector x and the centre m, the cosine is q·m + (q - m)·(x - m) + m·(x - m), where the
 * last term is (1 - m·m - (x - m)²) / 2. Without what is the same for all x: (q - m)·(x - m) - (x - m)² / 2.
 */
export function* nearestCodes(
  query: readonly number[] | Float32Array,
  codes: CentredCodes,
  { count, wanted = count, scratch }: NearestOptions,
): Generator<void, readonly number[]> {
  const total = codes.factors.length / 2;
  if (total <= count) return Array.from({ length: total }, (_, index) => index);
  const centred = rotateVector(query).map((value, index) => value - (codes.centre[index] as number));
  const words = wordsOf(centred.length);
  const bits = new Int32Array(2 * words);
  const { square } = encodeCentred(centred, bits, 0);
  const unit = Math.sqrt(square / centred.length);
  const similarities = scratch?.subarray(0, total) ?? new Float32Array(total);
  const signsAtOnce = Math.ceil(SLICE_SIGNS / words);
  for (let from = 0; from < total; from += signsAtOnce) {
    compareSigns({ bits, unit }, codes, from, Math.min(total, from + signsAtOnce), similarities);
    yield;
  }
  const kept = highest(similarities, Math.max(KEPT, count, Math.ceil(total * KEPT_SHARE)));
  const table = productTable(centred);
  yield;
  const products = similarities.subarray(0, kept.length);
  const productsAtOnce = Math.ceil(SLICE_PRODUCTS / words);
  for (let from = 0; from < kept.length; from += productsAtOnce) {
    compareProducts(table, codes, kept, from, Math.min(kept.length, from + productsAtOnce), products);
    yield;
  }
  const best = [...highest(products, count)]
    .map((index) => ({ index: kept[index] as number, similarity: products[index] as number }))
    .toSorted((a, b) => b.similarity - a.similarity)
    .slice(0, count);
  const last = best[Math.min(wanted, count) - 1]?.similarity ?? -Infinity;
  return best
    .filter(({ index, similarity }) => {
      // The root of twice the half of the square is the length.
      const length = Math.sqrt(2 * (codes.factors[2 * index + 1] as number));
      return similarity >= last - MARGIN * ERROR * unit * length;
    })
    .map(({ index }) => index);
}

/** A query in two bits per dimension, and its root mean square. */
interface CodedQuery {
  readonly bits: Int32Array;
  readonly unit: number;
}

/** Estimates the similarities of the codes `from` to `to` by their signs. */
function compareSigns(query: CodedQuery, codes: CentredCodes, from: number, to: number, into: Float32Array): void {
  const { bits: sought, unit } = query;
  const { bits, factors, centre } = codes;
  const words = wordsOf(centre.length);
  let most = centre.length;
  for (let word = words; word < 2 * words; word += 1) most += 2 * weightedBits(sought[word] as number, 0);
  const scale = SIGN * SMALL * unit;
  for (let code = from; code < to; code += 1) {
    const at = code * 2 * words;
    let differing = 0;
    for (let word = 0; word < words; word += 1) {
      differing += weightedBits((bits[at + word] as number) ^ (sought[word] as number), sought[words + word] as number);
    }
    into[code] = (factors[2 * code] as number) * scale * (most - 2 * differing) - (factors[2 * code + 1] as number);
  }
}

/** The number of set bits of 32, of which those in `heavy` count three times (after Warren, "Hacker's Delight"). */
function weightedBits(word: number, heavy: number): number {
  const weights = bitsOfNibbles(word) + 2 * bitsOfNibbles(word & heavy);
  return Math.imul((weights & 0x0f0f0f0f) + ((weights >>> 4) & 0x0f0f0f0f), 0x01010101) >>> 24;
}

/** The number of set bits of each four. */
function bitsOfNibbles(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  return (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
}

/** Estimates the similarities of the codes `indexes[from]` to `indexes[to]`, by their products with the query. */
function compareProducts(
  table: Float32Array,
  { bits, factors, centre }: CentredCodes,
  indexes: Uint32Array,
  from: number,
  to: number,
  into: Float32Array,
): void {
  const words = wordsOf(centre.length);
  for (let index = from; index < to; index += 1) {
    const code = indexes[index] as number;
    let at = code * 2 * words;
    const end = at + words;
    let product = 0;
    for (let part = 0; at < end; at += 1, part += 2_048) {
      const sign = bits[at] as number;
      const size = bits[at + words] as number;
      const even = (sign & 0x0f0f0f0f) | ((size & 0x0f0f0f0f) << 4);
      const odd = ((sign >>> 4) & 0x0f0f0f0f) | (size & 0xf0f0f0f0);
      product +=
        (table[part + (even & 255)] as number) +
        (table[part + 256 + (odd & 255)] as number) +
        (table[part + 512 + ((even >>> 8) & 255)] as number) +
        (table[part + 768 + ((odd >>> 8) & 255)] as number) +
        (table[part + 1_024 + ((even >>> 16) & 255)] as number) +
        (table[part + 1_280 + ((odd >>> 16) & 255)] as number) +
        (table[part + 1_536 + (even >>> 24)] as number) +
        (table[part + 1_792 + (odd >>> 24)] as number);
    }
    into[index] = product * (factors[2 * code] as number) - (factors[2 * code + 1] as number);
  }
}

/** For each four dimensions, the query's product with each of their 256 codes: four signs, and then four sizes. */
function productTable(query: Float32Array): Float32Array {
  const table = new Float32Array(wordsOf(query.length) * 8 * 256);
  for (let index = 0; index < query.length; index += 1) {
    const value = query[index] as number;
    const from = (index >> 2) * 256;
    const bit = index & 3;
    for (let code = 0; code < 256; code += 1) {
      const size = (code >> (bit + 4)) & 1 ? LARGE : SMALL;
      table[from + code] = (table[from + code] as number) + ((code >> bit) & 1 ? value * size : -value * size);
    }
  }
  return table;
}
