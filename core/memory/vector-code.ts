/**
 * Codes of vectors, which the store keeps: four bits per dimension of the rotated vector. They depend on nothing but the vector, so
 * that whoever reads them can centre them. Stored codes are decoded in every later version.
 */

/** Boundaries between the sizes of a standard normal value, and the values that stand for them (Max 1960, 16 levels). */
const BOUNDARIES = [0.2582, 0.5224, 0.7996, 1.099, 1.437, 1.844, 2.401] as const;
const SIZES = [0.1284, 0.3881, 0.6568, 0.9424, 1.256, 1.618, 2.069, 2.733] as const;
/** By code of a dimension: its size, with 8 added if it is positive. */
const VALUES = Float32Array.from([...SIZES.map((size) => -size), ...SIZES]);
/** Of codes of two bits per dimension, the former encoding: by its sign, and by its size with 2 added. */
const FORMER_VALUES = Float32Array.from([-0.4528, 0.4528, -1.51, 1.51]);

/** The longest transform that leaves parts of the vector apart: a shorter one does not spread enough. */
const SMALLEST_BLOCK = 8;

/** Bytes of the code of a vector. Twice those of the former encoding. */
export function codeBytes(dimensions: number): number {
  return Math.ceil(dimensions / 32) * 16;
}

/** Encodes a vector by its direction. */
export function encodeVector(vector: readonly number[] | Float32Array): Uint8Array {
  const code = new Uint8Array(codeBytes(vector.length));
  for (const [index, value] of rotateVector(vector).entries()) {
    let size = 0;
    while (Math.abs(value) > (BOUNDARIES[size] ?? Infinity)) size += 1;
    code[index >> 1] = (code[index >> 1] as number) | ((value > 0 ? size + 8 : size) << (4 * (index & 1)));
  }
  return code;
}

/** Whether a code of so many bytes may be of a vector of these dimensions. */
export function isCode(bytes: number, dimensions: number): boolean {
  return bytes === codeBytes(dimensions) || bytes * 2 === codeBytes(dimensions);
}

/** Writes the rotated vector, about as it was, whose code of `bytes` bytes begins at `from`. */
export function decodeVector(codes: Uint8Array, from: number, bytes: number, into: Float32Array): void {
  if (bytes !== codeBytes(into.length)) return decodeFormer(codes, from, bytes / 2, into);
  for (let index = 0; index < into.length; index += 1) {
    into[index] = VALUES[((codes[from + (index >> 1)] as number) >> (4 * (index & 1))) & 15] as number;
  }
}

/** Of the former encoding: a bit of each dimension's sign, and after `half` bytes one of whether it is large. */
function decodeFormer(codes: Uint8Array, from: number, half: number, into: Float32Array): void {
  for (let index = 0; index < into.length; index += 1) {
    const at = from + (index >> 3);
    const sign = ((codes[at] as number) >> (index & 7)) & 1;
    const large = ((codes[at + half] as number) >> (index & 7)) & 1;
    into[index] = FORMER_VALUES[sign | (large << 1)] as number;
  }
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
