/** Finds the end of a JSON object or array that arrives in pieces, in linear time. Does not validate it. */
export class JsonEnd {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #begun = false;

  /** Whether the value has begun. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Whether the value is complete. */
  get closed(): boolean {
    return this.#begun && this.#depth === 0;
  }

  reset(): void {
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#begun = false;
  }

  feed(text: string): void {
    for (const character of text) {
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (character === '\\') this.#escaped = true;
        else if (character === '"') this.#inString = false;
      } else if (character === '"') this.#inString = true;
      else if (character === '{' || character === '[') {
        this.#depth += 1;
        this.#begun = true;
      } else if (character === '}' || character === ']') this.#depth = Math.max(0, this.#depth - 1);
    }
  }
}
