/** A word of a query, and the number of the user's memories that contain it. */
export interface WordCount {
  readonly word: string;
  readonly memories: number;
}

/** A word to search for, with its weight. */
export interface WeightedWord {
  readonly word: string;
  readonly weight: number;
}

/**
 * Chooses the words to search for: the rarest ones, as long as they are in at most `maxMemories` memories in all, at least
 * one. So a search visits a bounded number of memories, and words such as "the" are left out in every language. A word's
 * weight is its inverse document frequency, ln(1 + total / memories).
 */
export function chooseWords(words: readonly WordCount[], total: number, maxMemories: number): readonly WeightedWord[] {
  const chosen: WeightedWord[] = [];
  let visited = 0;
  for (const { word, memories } of words.toSorted((a, b) => a.memories - b.memories)) {
    if (memories <= 0) continue;
    visited += memories;
    if (chosen.length > 0 && visited > maxMemories) break;
    chosen.push({ word, weight: Math.log(1 + total / memories) });
  }
  return chosen;
}
