import { distance } from 'fastest-levenshtein';

const MAX_NAMES = 20;

/** The known name with the fewest edits from `name`, if those are at most two, or a third of its length. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  let closest: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = distance(name.toLowerCase(), candidate.toLowerCase());
    if (edits < fewest && edits <= Math.max(2, candidate.length / 3) && edits < candidate.length) {
      closest = candidate;
      fewest = edits;
    }
  }
  return closest;
}

/** Returns a remedy for an unknown name: `did you mean "clock"?`, or the known names. `plural` names their kind, such as `tools`. */
export function suggestName(name: string, known: readonly string[], plural: string): string {
  const closest = closestName(name, known);
  if (closest !== undefined) return `did you mean "${closest}"?`;
  if (known.length === 0) return `there are no ${plural}`;
  const more = known.length > MAX_NAMES ? ` and ${known.length - MAX_NAMES} more` : '';
  return `known ${plural}: ${known.slice(0, MAX_NAMES).join(', ')}${more}`;
}
