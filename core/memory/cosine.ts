/** Cosine similarity of two vectors of the same dimensions: -1 to 1, and 0 if one of them has no direction. */
export function cosine(a: readonly number[] | Float32Array, b: readonly number[] | Float32Array): number {
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  // Not `entries()`, which takes several times as long.
  for (let index = 0; index < a.length; index += 1) {
    const x = a[index] ?? 0;
    const y = b[index] ?? 0;
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? 0 : product / Math.sqrt(squareA * squareB);
}
