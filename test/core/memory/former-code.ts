import { rotateVector } from '../../../core/memory/vector-code.ts';

/** The code of a vector as it was stored until decision 49: a bit of each dimension's sign, and then one of whether it is large. */
export function formerCode(vector: readonly number[] | Float32Array): Uint8Array {
  const half = Math.ceil(vector.length / 32) * 4;
  const code = new Uint8Array(2 * half);
  for (const [index, value] of rotateVector(vector).entries()) {
    const bit = 1 << (index & 7);
    if (value > 0) code[index >> 3] = (code[index >> 3] as number) | bit;
    if (Math.abs(value) > 0.9816) code[half + (index >> 3)] = (code[half + (index >> 3)] as number) | bit;
  }
  return code;
}
