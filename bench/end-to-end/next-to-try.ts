/** The largest number is known well enough when the next one that failed is at most this much larger. */
const CLOSE_ENOUGH = 1.25;

/**
 * The next number to try, to find the largest one that passes: twice the largest while all pass, else one between the
 * largest that passes below the smallest that failed, and that one. `tried` maps a number to whether it passed.
 * Undefined when the largest is known well enough.
 */
export function nextToTry(tried: ReadonlyMap<number, boolean>): number | undefined {
  const failed = [...tried].filter(([, passed]) => !passed).map(([number]) => number);
  const high = Math.min(...failed);
  const low = Math.max(0, ...[...tried.keys()].filter((number) => number < high));
  if (high === Number.POSITIVE_INFINITY) return low * 2;
  if (low === 0) return high > 1 ? Math.floor(high / 2) : undefined;
  return high / low <= CLOSE_ENOUGH ? undefined : Math.round(Math.sqrt(low * high));
}
