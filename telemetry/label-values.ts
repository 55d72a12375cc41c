/** Values that one label may take; whatever comes after them is told together. */
const MOST = 200;
const OTHER = 'other';

/** Keeps the values of a label few and short, whoever makes them up. */
export class LabelValues {
  readonly #seen = new Set<string>();

  /** The value as it is counted. */
  of(value: string): string {
    if (this.#seen.has(value)) return value;
    if (value.length > 128 || this.#seen.size >= MOST) return OTHER;
    this.#seen.add(value);
    return value;
  }
}
