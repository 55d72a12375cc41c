import { decodeVector } from './vector-code.ts';

/**
 * Vectors relative to their centre, in two bits per dimension. What all vectors have in common, as those of most embedding models do,
 * would otherwise be the same in all codes and leave little of them to tell the vectors apart.
 */
export interface CentredCodes {
  /** What has been subtracted: about the mean of the rotated vectors. */
  readonly centre: Float32Array;
  /** By vector: the signs of its dimensions, in whole words, and then whether they are large. */
  readonly bits: Int32Array;
  /**
   * By vector: what its code is multiplied by, so that the product with itself is right (Gao and Long 2024, "RaBitQ"), and half its
   * square.
   */
  readonly factors: Float32Array;
}

/** The values that two bits stand for, for a standard normal distribution, and the boundary between small and large ones (Max 1960). */
export const SMALL = 0.4528;
export const LARGE = 1.51;
const BOUNDARY = 0.9816;

/** Vectors that a centre is calculated from, at most. */
const CENTRED_ON = 4_096;

/** Words of the signs of a vector. */
export function wordsOf(dimensions: number): number {
  return Math.ceil(dimensions / 32);
}

/** The mean of the rotated vectors of codes of `bytes` bytes each, of some of them if they are many. */
export function centreOf(codes: Uint8Array, bytes: number, dimensions: number): Float32Array {
  const total = codes.byteLength / bytes;
  const step = Math.max(1, Math.ceil(total / CENTRED_ON));
  const sum = new Float64Array(dimensions);
  const vector = new Float32Array(dimensions);
  let count = 0;
  for (let code = 0; code < total; code += step, count += 1) {
    decodeVector(codes, code * bytes, bytes, vector);
    for (let index = 0; index < dimensions; index += 1) {
      sum[index] = (sum[index] as number) + (vector[index] as number);
    }
  }
  return Float32Array.from(sum, (value) => value / Math.max(1, count));
}

/** Centres stored codes of `bytes` bytes each. */
export function centredCodes(codes: Uint8Array, bytes: number, centre: Float32Array): CentredCodes {
  const total = codes.byteLength / bytes;
  const words = wordsOf(centre.length);
  const centred = {
    centre,
    bits: new Int32Array(total * 2 * words),
    factors: new Float32Array(total * 2),
  };
  const vector = new Float32Array(centre.length);
  for (let code = 0; code < total; code += 1) {
    decodeVector(codes, code * bytes, bytes, vector);
    for (let index = 0; index < vector.length; index += 1) {
      vector[index] = (vector[index] as number) - (centre[index] as number);
    }
    const { square, product } = encodeCentred(vector, centred.bits, code * 2 * words);
    centred.factors[2 * code] = product === 0 ? 0 : square / product;
    centred.factors[2 * code + 1] = square / 2;
  }
  return centred;
}

/** Writes the bits of a vector from a word on. Returns its square, and its product with what the bits stand for. */
export function encodeCentred(
  vector: Float32Array,
  bits: Int32Array,
  from: number,
): { readonly square: number; readonly product: number } {
  let square = 0;
  for (let index = 0; index < vector.length; index += 1) square += (vector[index] as number) ** 2;
  const boundary = BOUNDARY * Math.sqrt(square / vector.length);
  const words = wordsOf(vector.length);
  let product = 0;
  for (let word = 0, index = 0; index < vector.length; word += 1) {
    let positive = 0;
    let large = 0;
    for (let bit = 0; bit < 32 && index < vector.length; bit += 1, index += 1) {
      const value = vector[index] as number;
      const size = Math.abs(value);
      if (value > 0) positive |= 1 << bit;
      if (size > boundary) large |= 1 << bit;
      product += size > boundary ? size * LARGE : size * SMALL;
    }
    bits[from + word] = positive;
    bits[from + words + word] = large;
  }
  return { square, product };
}

/** All codes of parts with the same centre, one after the other. */
export function joinCodes(centre: Float32Array, parts: readonly CentredCodes[]): CentredCodes {
  return {
    centre,
    bits: joined(
      Int32Array,
      parts.map(({ bits }) => bits),
    ),
    factors: joined(
      Float32Array,
      parts.map(({ factors }) => factors),
    ),
  };
}

/** One array with the elements of all. */
export function joined<T extends Float64Array | Float32Array | Int32Array>(
  kind: new (length: number) => T,
  parts: readonly T[],
): T {
  const whole = new kind(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
