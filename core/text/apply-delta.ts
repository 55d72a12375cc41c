/** A piece of text on its way: where it goes, and of which try. Offsets count UTF-16 code units. */
export interface Delta {
  readonly attempt: number;
  readonly offset: number;
  readonly delta: string;
}

/** Text that grows. `attempt` is the highest try of the model call that was seen. */
export interface GrowingText {
  readonly attempt: number;
  readonly text: string;
}

/**
 * Cuts at the offset and appends. A try below the highest seen changes nothing; a higher one starts from
 * nothing. A delta that begins beyond the end cannot be placed (what lies between was lost) and changes nothing.
 */
export function applyDelta(known: GrowingText, delta: Delta): GrowingText {
  if (delta.attempt < known.attempt) return known;
  const base = delta.attempt > known.attempt ? '' : known.text;
  if (delta.offset > base.length) return base === known.text ? known : { attempt: delta.attempt, text: base };
  return { attempt: delta.attempt, text: base.slice(0, delta.offset) + delta.delta };
}

/** The part of a delta that is new: undefined when it adds nothing, cannot be placed, or is of an older try. */
export function trimDelta(known: GrowingText, delta: Delta): Delta | undefined {
  if (delta.attempt < known.attempt) return undefined;
  const base = delta.attempt > known.attempt ? '' : known.text;
  if (delta.offset > base.length) return undefined;
  const overlap = base.slice(delta.offset);
  if (overlap.startsWith(delta.delta)) return undefined;
  // A text that goes another way than the known one replaces it from the offset on.
  if (!delta.delta.startsWith(overlap)) return delta;
  return { attempt: delta.attempt, offset: base.length, delta: delta.delta.slice(overlap.length) };
}
