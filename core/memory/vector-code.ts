/**
 * Codes of vectors: two bits per dimension, first the signs of all dimensions, then whether each is large. A scan of the codes
 * selects the vectors whose similarity is then calculated exactly. The codes are stored, so the encoding must never change.
 */

/** The values that two bits stand for, for a standard normal distribution, and the boundary between small and large ones (Max 1960). */
export const SMALL = 0.4528;
export const LARGE = 1.51;
const BOUNDARY = 0.9816;

/** The longest transform that leaves parts of the vector apart: a shorter one does not spread enough. */
const SMALLEST_BLOCK = 8;

/** Bytes of each half of a code: whole words of 32 bits. */
export function halfBytes(dimensions: number): number {
  return Math.ceil(dimensions / 32) * 4;
}

/** Bytes of the code of a vector. */
export function codeBytes(dimensions: number): number {
  return 2 * halfBytes(dimensions);
}

/** Encodes a vector by its direction. */
export function encodeVector(vector: readonly number[] | Float32Array): Uint8Array {
  return encodeRotated(rotateVector(vector));
}

/** Encodes a vector that is rotated already. */
export function encodeRotated(rotated: Float32Array): Uint8Array {
  const half = halfBytes(rotated.length);
  const code = new Uint8Array(2 * half);
  for (const [index, value] of rotated.entries()) {
    const byte = index >> 3;
    const bit = 1 << (index & 7);
    if (value > 0) code[byte] = (code[byte] as number) | bit;
    if (Math.abs(value) > BOUNDARY) code[half + byte] = (code[half + byte] as number) | bit;
  }
  return code;
}

/**
 * Scales a vector so that its dimensions have the mean square 1, and rotates it: by random signs, which are always the same, and
 * the Walsh-Hadamard transform of each of its blocks. That spreads what a model puts into few dimensions over all of them.
 */
export function rotateVector(vector: readonly number[] | Float32Array): Float32Array {
  const rotated = Float32Array.from(vector);
  const norm = Math.hypot(...rotated) || 1;
  const block = blockOf(rotated.length);
  const scale = Math.sqrt(rotated.length / block) / norm;
  const sign = signs();
  for (const [index, value] of rotated.entries()) rotated[index] = value * scale * sign();
  for (let width = 1; width < block; width *= 2) {
    for (let at = 0; at < rotated.length; at += 1) {
      if ((at & width) !== 0) continue;
      const a = rotated[at] as number;
      const b = rotated[at + width] as number;
      rotated[at] = a + b;
      rotated[at + width] = a - b;
    }
  }
  return rotated;
}

/** The largest power of two that divides the number of dimensions; 1, which is no transform, if it is small. */
function blockOf(dimensions: number): number {
  const block = dimensions & -dimensions;
  return block < SMALLEST_BLOCK ? 1 : block;
}

/** A sequence of signs, always the same (Marsaglia 2003, xorshift). */
function signs(): () => 1 | -1 {
  let state = 0x9e3779b9;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 1 ? 1 : -1;
  };
}
