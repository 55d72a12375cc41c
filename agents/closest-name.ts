import { distance } from 'fastest-levenshtein';

/** The name that was probably meant: the one with the fewest edits, if those are at most a third of it; else undefined. */
export function closestName(name: string, names: readonly string[]): string | undefined {
  let closest: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of names) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest && edits <= Math.max(2, candidate.length / 3) && edits < candidate.length) {
      closest = candidate;
      fewest = edits;
    }
  }
  return closest;
}
