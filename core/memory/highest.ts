/** Ranges that the values are counted in. */
const BINS = 4_096;

/** The indexes of the `count` highest values, in ascending order, and of a few more that are nearly as high. */
export function highest(values: Float32Array, count: number): Uint32Array {
  if (values.length <= count) return Uint32Array.from(values.keys());
  let [low, high] = [Infinity, -Infinity];
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as number;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = high > low ? (BINS - 1) / (high - low) : 0;
  const inBins = new Uint32Array(BINS);
  for (let index = 0; index < values.length; index += 1) {
    const bin = ((values[index] as number) - low) * scale;
    inBins[bin | 0] = (inBins[bin | 0] as number) + 1;
  }
  let least = BINS - 1;
  let found = inBins[least] as number;
  while (found < count) found += inBins[(least -= 1)] as number;
  const indexes = new Uint32Array(found);
  for (let index = 0, at = 0; at < found; index += 1) {
    if (((((values[index] as number) - low) * scale) | 0) >= least) indexes[at++] = index;
  }
  return indexes;
}
