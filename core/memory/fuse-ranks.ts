/** An item of a fused list. */
export interface FusedItem<Name extends string> {
  readonly id: string;
  readonly score: number;
  /** The lists that contain it. */
  readonly by: readonly Name[];
}

/** Reduces the weight of the first places (Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion"). */
const K = 60;

/**
 * Fuses ranked lists of ids by reciprocal ranks: the score is the sum of 1 / (60 + rank), the rank counting from 1. Best first;
 * equal scores keep the order of the lists. It needs no scores, so that those of different searches need not be comparable.
 */
export function fuseRanks<Name extends string>(
  lists: Readonly<Record<Name, readonly string[]>>,
): readonly FusedItem<Name>[] {
  const fused = new Map<string, { score: number; by: Name[] }>();
  for (const [name, ids] of Object.entries(lists) as [Name, readonly string[]][]) {
    for (const [index, id] of [...new Set(ids)].entries()) {
      const item = fused.get(id) ?? { score: 0, by: [] };
      item.score += 1 / (K + index + 1);
      item.by.push(name);
      fused.set(id, item);
    }
  }
  return [...fused].map(([id, item]) => ({ id, ...item })).toSorted((a, b) => b.score - a.score);
}
