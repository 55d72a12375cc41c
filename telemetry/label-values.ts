/** The number of distinct values of a label. Later values are counted as `other`. */
const MAX_VALUES = 200;
const OTHER = 'other';

/** Bounds the number and length of a label's values, which may come from callers. */
export class LabelValues {
  readonly #seen = new Set<string>();

  /** The value to count under: itself or `other`. */
  of(value: string): string {
    if (this.#seen.has(value)) return value;
    if (value.length > 128 || this.#seen.size >= MAX_VALUES) return OTHER;
    this.#seen.add(value);
    return value;
  }
}
