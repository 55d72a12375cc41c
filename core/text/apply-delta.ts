/** A piece of text for a position in an attempt. Offsets count UTF-16 code units. */
export interface Delta {
  readonly attempt: number;
  readonly offset: number;
  readonly delta: string;
}

/** Text that grows by deltas. `attempt` is the highest attempt of the model call seen so far. */
export interface GrowingText {
  readonly attempt: number;
  readonly text: string;
}

/**
 * Cuts the text at the delta's offset and appends the delta. A delta of an older attempt changes nothing; one of a newer
 * attempt starts from an empty text. A delta beyond the end changes nothing: the text before it was lost.
 */
export function applyDelta(known: GrowingText, delta: Delta): GrowingText {
  if (delta.attempt < known.attempt) return known;
  const base = delta.attempt > known.attempt ? '' : known.text;
  if (delta.offset > base.length) return base === known.text ? known : { attempt: delta.attempt, text: base };
  return { attempt: delta.attempt, text: base.slice(0, delta.offset) + delta.delta };
}

/** The new part of a delta. Undefined when it adds nothing, is beyond the end, or is of an older attempt. */
export function trimDelta(known: GrowingText, delta: Delta): Delta | undefined {
  if (delta.attempt < known.attempt) return undefined;
  const base = delta.attempt > known.attempt ? '' : known.text;
  if (delta.offset > base.length) return undefined;
  const overlap = base.slice(delta.offset);
  if (overlap.startsWith(delta.delta)) return undefined;
  // A delta that differs from the known text replaces it from the offset on.
  if (!delta.delta.startsWith(overlap)) return delta;
  return { attempt: delta.attempt, offset: base.length, delta: delta.delta.slice(overlap.length) };
}
